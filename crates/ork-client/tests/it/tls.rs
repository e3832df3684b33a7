//! Over TLS: a server whose certificate an authority of ours has signed, and one of somebody else's.
//!
//! Both are in one test: the variable that names the authorities belongs to the whole process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ork_client::{Client, Options, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// A server with a certificate for `localhost`; its port.
async fn serve() -> u16 {
    let chain = vec![CertificateDer::from_pem_file(file("server.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(file("server.key")).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut head = [0; 4096];
            let read = stream.read(&mut head).await.unwrap();
            let is_known = String::from_utf8_lossy(&head[..read]).contains("authorization: Bearer secret\r\n");
            let body = format!(r#"{{"version": "{is_known}", "api": "v1"}}"#);
            let head =
                format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    port
}

/// The host that this process asks, when it is the test below once more.
const HOST: &str = "ORK_TEST_HOST";

#[test]
fn a_server_must_be_who_it_says() {
    if let Ok(host) = std::env::var(HOST) {
        return ask(&host);
    }
    let trusting = |authorities: &Path, host: &str| {
        // No other thread of this process is there yet to read the environment.
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls::a_server_must_be_who_it_says", "--nocapture"])
            .env("SSL_CERT_FILE", authorities)
            .env(HOST, host)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .find_map(|line| line.split_once("said: ").map(|(_, said)| said.to_owned()))
            .unwrap()
    };
    assert_eq!(trusting(&file("authority.pem"), "localhost"), "true");
    let said = trusting(&file("authority.pem"), "127.0.0.1");
    assert!(said.contains("certificate") && said.contains("not valid for name"), "{said}");
    let said = trusting(&file("server.pem"), "localhost");
    assert!(said.contains("certificate"), "{said}");
    let said = trusting(&file("nothing.pem"), "localhost");
    assert!(said.starts_with("failed to read the certificates of this machine: `"), "{said}");
}

/// Asks a server of its own for its version under this name, and says what came of it.
#[tokio::main(flavor = "current_thread")]
async fn ask(host: &str) {
    let address = format!("https://{host}:{}", serve().await);
    let options = Options { token: Some(Token::new("secret").unwrap()), ..Options::default() };
    let said = match Client::new(address.parse().unwrap(), options) {
        Ok(client) => client.version().await.map_or_else(|error| error.to_string(), |version| version.version),
        Err(error) => error.to_string(),
    };
    println!("said: {said}");
}
