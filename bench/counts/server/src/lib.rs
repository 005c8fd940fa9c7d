//! Nothing: what is counted is in `benches/`. This is a package of its own for the sake of its dependencies, which would otherwise
//! be built for the benches beside it too.
