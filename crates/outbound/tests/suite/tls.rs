//! `https`: who is trusted, and that a failed handshake is not sent.

use crate::support::*;
use banyan_outbound::{Registry, Settings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::json;
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

/// An authority of its own, a server with a certificate for `name` by it, and the authority's
/// file.
async fn secure_server(name: &str) -> (Server, TempDir, String) {
    let mut authority = CertificateParams::new(vec![]).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &authority).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, authority.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = Server::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            while read_request(&mut stream).await.is_some() {
                let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(answer).await.unwrap();
            }
        }
    })
    .await;
    (server, folder, file.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_service_with_its_own_authority_is_called_over_one_connection() {
    for name in ["localhost", "127.0.0.1"] {
        let (server, _folder, ca_file) = secure_server(name).await;
        let url = format!("https://{name}:{}", server.address.port());
        let (caller, _) = caller_with(json!({"instances": [url], "tls": {"ca_file": ca_file}}));
        for _ in 0..20 {
            assert_eq!(status(&caller.call(&request(), NOW).await), 200, "{name}");
        }
        assert_eq!(server.accepted(), 1);
    }
}

#[tokio::test]
async fn a_handshake_that_fails_is_not_sent() {
    let (server, _folder, ca_file) = secure_server("other.example").await;
    let url = format!("https://127.0.0.1:{}", server.address.port());
    let plain = Server::answering("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    let plain = plain.url().replace("http:", "https:");
    let silent = Server::start(|_, mut stream| async move { drain(&mut stream).await }).await;
    let silent = silent.url().replace("http:", "https:");
    for (name, settings) in [
        (
            "another name",
            json!({"instances": [url], "tls": {"ca_file": ca_file}}),
        ),
        ("an unknown authority", json!({"instances": [url]})),
        ("no TLS there", json!({"instances": [plain]})),
        ("no word", json!({"instances": [silent]})),
    ] {
        let answer = caller_with(settings).0.call(&impatient(), NOW).await;
        let message = not_sent(&answer);
        assert!(
            message.contains("TLS") || message.contains("no connection"),
            "{name}: {message}"
        );
    }
}

#[tokio::test]
async fn a_request_in_the_clear_on_a_secure_port_may_have_left() {
    let (server, _folder, _) = secure_server("127.0.0.1").await;
    lost(&call(&server, &request()).await);
}

#[tokio::test]
async fn an_authority_that_cannot_be_read_blocks_the_service_until_it_can() {
    let (server, folder, good) = secure_server("127.0.0.1").await;
    let file = folder.path().join("later.pem");
    let url = format!("https://{}", server.address);
    let settings = json!({"instances": [url], "tls": {"ca_file": file.to_str().unwrap()}});
    let settings = Settings::read(&settings).unwrap();
    let registry = Registry::new();
    for content in [
        None,
        Some("no certificate"),
        Some("-----BEGIN CERTIFICATE-----\n!"),
    ] {
        if let Some(content) = content {
            std::fs::write(&file, content).unwrap();
        }
        let words = registry.put("shop", settings.clone(), NOW).unwrap_err();
        assert!(words.contains("later.pem"), "{words}");
        assert!(registry.view("shop").unwrap().misconfigured.is_some());
    }
    std::fs::copy(good, &file).unwrap();
    assert!(registry.resume("shop", NOW));
    assert!(registry.view("shop").unwrap().misconfigured.is_none());
}
