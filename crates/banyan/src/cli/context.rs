//! What a command works with: the client, the token that it finds, how to print.

use super::Global;
use super::fail::Fail;
use super::style::Style;
use banyan_sdk::Client;
use banyan_sdk::api::Saga;
use std::path::{Path, PathBuf};

/// Where the server is when nobody says.
pub(crate) const DEFAULT_SERVER: &str = "http://127.0.0.1:7400";
const DEFAULT_DATA: &str = "banyan-data";
/// Where the demo's server keeps its data when nobody says.
const DEMO_DATA: &str = "banyan-demo/server";
const TOKEN_FILE: &str = "admin.token";

/// What a command works with.
pub(crate) struct Context {
    global: Global,
    runtime: tokio::runtime::Runtime,
    /// How to print to standard output.
    pub(crate) style: Style,
}

impl Context {
    /// From what was typed and the environment.
    pub(crate) fn new(global: Global) -> Result<Context, Fail> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Fail::Here(format!("cannot begin: {error}")))?;
        Ok(Context {
            global,
            runtime,
            style: Style::of_stdout(),
        })
    }

    /// Runs a command to its end.
    pub(crate) fn block_on<T>(&self, command: impl Future<Output = T>) -> T {
        self.runtime.block_on(command)
    }

    /// Print JSON instead of tables and trees.
    pub(crate) fn json(&self) -> bool {
        self.global.json
    }

    /// The data folder that was named.
    pub(crate) fn named_data(&self) -> Option<&Path> {
        self.global.data.as_deref()
    }

    /// The data folder, named or not.
    pub(crate) fn data(&self) -> PathBuf {
        self.global
            .data
            .clone()
            .unwrap_or_else(|| PathBuf::from(DEFAULT_DATA))
    }

    /// The server that was named.
    pub(crate) fn named_server(&self) -> Option<&str> {
        self.global.server.as_deref()
    }

    /// A client of the server that was named.
    pub(crate) fn client(&self) -> Result<Client, Fail> {
        self.client_of(self.global.server.as_deref().unwrap_or(DEFAULT_SERVER))
    }

    /// A client of this server.
    pub(crate) fn client_of(&self, server: &str) -> Result<Client, Fail> {
        let token = match &self.global.token {
            Some(token) => Some(token.trim().to_owned()),
            None => self.found_token()?,
        };
        Ok(Client::new(server, token)?)
    }

    /// The token in the data folder; without a named folder, in the server's usual one or in
    /// that of a demo.
    fn found_token(&self) -> Result<Option<String>, Fail> {
        let folders = match &self.global.data {
            Some(data) => vec![data.clone(), data.join("server")],
            None => vec![PathBuf::from(DEFAULT_DATA), PathBuf::from(DEMO_DATA)],
        };
        for folder in folders {
            if let Some(token) = read_token(&folder)? {
                return Ok(Some(token));
            }
        }
        Ok(None)
    }
}

/// The admin's token of a server's data folder, when there is one.
pub(crate) fn read_token(folder: &Path) -> Result<Option<String>, Fail> {
    let file = folder.join(TOKEN_FILE);
    match std::fs::read_to_string(&file) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fail::file(&file, &error)),
    }
}

/// How a person names a saga: by its id, or as `NAME/KEY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// By its id.
    Id(String),
    /// By its definition and its caller's key.
    Key(String, String),
}

impl std::str::FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Named, String> {
        match text.split_once('/') {
            Some((name, key)) if !name.is_empty() && !key.is_empty() => {
                Ok(Named::Key(name.to_owned(), key.to_owned()))
            }
            None if text.contains('-') => Ok(Named::Id(text.to_owned())),
            _ => Err("a saga is named by its ID or as NAME/KEY".to_owned()),
        }
    }
}

impl Named {
    /// The saga, as it is now.
    pub(super) async fn saga(&self, client: &Client) -> Result<Saga, Fail> {
        Ok(match self {
            Named::Id(id) => client.saga(id, None).await?,
            Named::Key(name, key) => client.saga_by_key(name, key).await?,
        })
    }

    /// Its id, asked for where it was named by key.
    pub(super) async fn id(&self, client: &Client) -> Result<String, Fail> {
        match self {
            Named::Id(id) => Ok(id.clone()),
            Named::Key(..) => Ok(self.saga(client).await?.id.to_string()),
        }
    }
}

/// A JSON text, or `@FILE` with one in it (`@-` is standard input).
pub(crate) fn json_of(text: &str, what: &str) -> Result<banyan_core::Json, Fail> {
    let read;
    let source = match text.strip_prefix('@') {
        None => text,
        Some(file) => {
            let path = if file == "-" { "/dev/stdin" } else { file };
            read = std::fs::read_to_string(path)
                .map_err(|error| Fail::file(Path::new(path), &error))?;
            &read
        }
    };
    serde_json::from_str(source).map_err(|error| {
        Fail::Usage(format!(
            "{what} is no JSON: {error} (write it in single quotes, or give it as @FILE)"
        ))
    })
}
