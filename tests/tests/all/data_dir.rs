//! The data directory of a server, with the real `parlor`.

use std::fs;

use parlor_tests::{ParlorProcess, Serve};

#[tokio::test]
async fn a_second_server_of_a_data_directory_leaves_the_first_where_others_find_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut first = ParlorProcess::start(folder.path()).await;
    let address = folder.path().join("admin-address");
    let told = fs::read_to_string(&address).expect("the server runs");
    let second = Serve::on(folder.path()).spawn();
    assert!(!second.ended().await.success());
    assert_eq!(fs::read_to_string(&address).ok(), Some(told));
    first.is_ready().await;
}
