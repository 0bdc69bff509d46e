//! The calls of Banyan's HTTP API that the bench and the torture make.

use super::connection::{Connection, request};
use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// A server's address and the token that it takes.
#[derive(Clone)]
pub(crate) struct Api {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// For `Authorization`.
    pub(crate) bearer: String,
}

/// An answer, its body read as JSON (null when it is none).
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: StatusCode,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Value,
}

impl Api {
    /// One call over a connection of its own, given up after `patience`.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
        patience: Duration,
    ) -> Result<Reply> {
        let mut all = vec![("authorization", self.bearer.as_str())];
        all.extend_from_slice(headers);
        let request = request(&method, path, &all, body)?;
        let mut connection = Connection::new(self.address);
        let answer = tokio::time::timeout(patience, connection.send(request)).await;
        let (status, headers, body) = answer.context("no answer in time")??;
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Ok(Reply {
            status,
            headers,
            body,
        })
    }

    /// Reads one path; anything but 200 is an error.
    pub(crate) async fn get(&self, path: &str) -> Result<Value> {
        let patience = Duration::from_secs(30);
        let reply = self
            .call(Method::GET, path, &[], Bytes::new(), patience)
            .await?;
        ensure!(
            reply.status == StatusCode::OK,
            "GET {path}: {} {}",
            reply.status,
            reply.body
        );
        Ok(reply.body)
    }

    /// Registers a service with one instance.
    pub(crate) async fn service(&self, name: &str, address: SocketAddr) -> Result<()> {
        let body = json!({ "instances": [format!("http://{address}")] }).to_string();
        let json = [("content-type", "application/json")];
        let path = format!("/v1/services/{name}");
        self.put(&path, &json, body).await
    }

    /// Registers a definition.
    pub(crate) async fn definition(&self, name: &str, version: u32, yaml: &str) -> Result<()> {
        let path = format!("/v1/definitions/{name}/versions/{version}");
        self.put(
            &path,
            &[("content-type", "application/yaml")],
            yaml.to_owned(),
        )
        .await
    }

    async fn put(&self, path: &str, headers: &[(&str, &str)], body: String) -> Result<()> {
        let patience = Duration::from_secs(10);
        let reply = self
            .call(Method::PUT, path, headers, body.into(), patience)
            .await?;
        ensure!(
            reply.status.is_success(),
            "PUT {path}: {} {}",
            reply.status,
            reply.body
        );
        Ok(())
    }
}
