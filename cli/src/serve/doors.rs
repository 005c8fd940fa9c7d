//! The flags about the way in: TLS, proxies, how many may come, who is kept out.

use std::path::PathBuf;

use parlor_server::FileConfig;

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "The way in")]
pub(super) struct DoorArgs {
    /// A certificate in PEM, with the chain behind it: clients then connect by TLS. Read again when it changes
    #[arg(long, env = "PARLOR_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, env = "PARLOR_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A proxy, or a network of proxies, whose X-Forwarded-For is believed; may be given several times
    #[arg(
        long,
        env = "PARLOR_TRUSTED_PROXY",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    trusted_proxy: Vec<String>,
    /// Connections of trusted proxies begin with a PROXY header of version 2
    #[arg(
        long,
        env = "PARLOR_PROXY_PROTOCOL",
        value_parser = clap::builder::BoolishValueParser::new()
    )]
    proxy_protocol: bool,
    /// The most connections at a time [default: the limit of open files less 1000]
    #[arg(long, env = "PARLOR_CONNECTIONS_MAX", value_name = "COUNT")]
    connections_max: Option<usize>,
    /// The most connections at a time before their first request [default: 1024]
    #[arg(long, env = "PARLOR_HANDSHAKES_MAX", value_name = "COUNT")]
    handshakes_max: Option<usize>,
    /// The most connections at a time of one address; of IPv6, of one /64 [default: 100]
    #[arg(long, env = "PARLOR_CONNECTIONS_PER_ADDRESS_MAX", value_name = "COUNT")]
    connections_per_address_max: Option<u32>,
    /// New connections a second of one address, and as many at once [default: 20]
    #[arg(
        long,
        env = "PARLOR_NEW_CONNECTIONS_PER_ADDRESS_PER_SECOND",
        value_name = "COUNT"
    )]
    new_connections_per_address_per_second: Option<u32>,
    /// How long a client may take to send its first byte, in seconds [default: 5]
    #[arg(
        long,
        env = "PARLOR_FIRST_BYTE_TIMEOUT_SECONDS",
        value_name = "SECONDS"
    )]
    first_byte_timeout_seconds: Option<u64>,
    /// How long a client may take to send its request's headers, in seconds [default: 5]
    #[arg(long, env = "PARLOR_HEADER_TIMEOUT_SECONDS", value_name = "SECONDS")]
    header_timeout_seconds: Option<u64>,
    /// How long a TLS handshake may take, in seconds [default: 5]
    #[arg(long, env = "PARLOR_TLS_TIMEOUT_SECONDS", value_name = "SECONDS")]
    tls_timeout_seconds: Option<u64>,
    /// How long a trusted proxy may take to send its PROXY header, in seconds [default: 5]
    #[arg(
        long,
        env = "PARLOR_PROXY_HEADER_TIMEOUT_SECONDS",
        value_name = "SECONDS"
    )]
    proxy_header_timeout_seconds: Option<u64>,
    /// So many connections closed for what a client did are a ban [default: 5]
    #[arg(long, env = "PARLOR_OFFENCES_MAX", value_name = "COUNT")]
    offences_max: Option<usize>,
    /// The time within which they count, in seconds [default: 600]
    #[arg(long, env = "PARLOR_OFFENCE_WINDOW_SECONDS", value_name = "SECONDS")]
    offence_window_seconds: Option<u64>,
    /// How long a ban lasts, in seconds [default: 600]
    #[arg(long, env = "PARLOR_BAN_SECONDS", value_name = "SECONDS")]
    ban_seconds: Option<u64>,
}

impl DoorArgs {
    /// Writes what was given over what the file says.
    pub(super) fn overlay(self, file: &mut FileConfig) {
        file.tls_cert = self.tls_cert.or(file.tls_cert.take());
        file.tls_key = self.tls_key.or(file.tls_key.take());
        if !self.trusted_proxy.is_empty() {
            file.trusted_proxy = self.trusted_proxy;
        }
        if self.proxy_protocol {
            file.proxy_protocol = Some(true);
        }
        file.connections_max = self.connections_max.or(file.connections_max);
        file.handshakes_max = self.handshakes_max.or(file.handshakes_max);
        file.connections_per_address_max = self
            .connections_per_address_max
            .or(file.connections_per_address_max);
        file.new_connections_per_address_per_second = self
            .new_connections_per_address_per_second
            .or(file.new_connections_per_address_per_second);
        file.first_byte_timeout_seconds = self
            .first_byte_timeout_seconds
            .or(file.first_byte_timeout_seconds);
        file.header_timeout_seconds = self.header_timeout_seconds.or(file.header_timeout_seconds);
        file.tls_timeout_seconds = self.tls_timeout_seconds.or(file.tls_timeout_seconds);
        file.proxy_header_timeout_seconds = self
            .proxy_header_timeout_seconds
            .or(file.proxy_header_timeout_seconds);
        file.offences_max = self.offences_max.or(file.offences_max);
        file.offence_window_seconds = self.offence_window_seconds.or(file.offence_window_seconds);
        file.ban_seconds = self.ban_seconds.or(file.ban_seconds);
    }
}
