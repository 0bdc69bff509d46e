//! The server's word on every saga: asked over HTTP while it is up, else read from its store.

use super::super::folder::{Folder, SAGAS};
use crate::cli::{Context, DEFAULT_SERVER, Fail, read_token};
use banyan_sdk::api::{Reason, SagaStatus};
use banyan_sdk::{Client, SagaFilter};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// Sagas of one page.
const PAGE: u32 = 500;

/// What the server says of one saga.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fact {
    pub(super) id: String,
    pub(super) definition: String,
    pub(super) key: String,
    pub(super) status: SagaStatus,
    pub(super) reason: Option<Reason>,
    /// Another saga runs it: no client asked for it.
    pub(super) is_child: bool,
}

/// Every saga of the demo's definitions.
pub(super) async fn read(context: &Context, folder: &Folder) -> Result<Vec<Fact>, Fail> {
    if let Some(token) = read_token(&folder.server())? {
        let server = context.named_server().unwrap_or(DEFAULT_SERVER);
        let client = Client::new(server, Some(token))?;
        // Another server may stand at that address: it does not know this folder's token.
        if client.ready().await.is_ok() && client.services(1, None).await.is_ok() {
            return over_http(&client).await;
        }
    }
    let file = folder.server().join("banyan.db");
    from_store(&file).map_err(|error| Fail::Here(format!("{}: {error}", file.display())))
}

async fn over_http(client: &Client) -> Result<Vec<Fact>, Fail> {
    let mut facts = Vec::new();
    for (name, _, _) in SAGAS {
        let filter = SagaFilter::default().with("definition", name);
        let mut cursor = None;
        loop {
            let page = client.sagas(&filter, PAGE, cursor.as_deref()).await?;
            facts.extend(page.items.into_iter().map(|item| Fact {
                id: item.id.to_string(),
                definition: item.definition,
                key: item.key,
                status: item.status,
                reason: item.reason,
                is_child: item.parent.is_some(),
            }));
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
    }
    Ok(facts)
}

fn from_store(file: &Path) -> anyhow::Result<Vec<Fact>> {
    let database = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut statement = database.prepare(
        "SELECT id, definition, key, status, reason_detail,
                EXISTS (SELECT 1 FROM child WHERE child.saga_id = saga.id) FROM saga",
    )?;
    let mut rows = statement.query([])?;
    let mut facts = Vec::new();
    while let Some(row) = rows.next()? {
        let id: [u8; 16] = row.get(0)?;
        let status: String = row.get(3)?;
        let reason: Option<String> = row.get(4)?;
        facts.push(Fact {
            id: banyan_core::id::Id::from_bytes(id).to_string(),
            definition: row.get(1)?,
            key: row.get(2)?,
            status: SagaStatus::from(status),
            reason: reason.map(|text| serde_json::from_str(&text)).transpose()?,
            is_child: row.get(5)?,
        });
    }
    Ok(facts)
}
