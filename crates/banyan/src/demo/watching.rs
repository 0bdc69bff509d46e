//! The eye on a running demo: shows how things stand, tells of processes started again, and
//! knows when everything is at rest.

use super::child::Restarted;
use super::clock;
use super::folder::Folder;
use super::summary::{Books, Screen, Tally};
use crate::cli::print;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long sagas may take to come to rest after the last order.
pub(super) const REST_TIME: Duration = Duration::from_secs(180);
/// How long they may take where something is broken on purpose: a person has to mend it.
const MEND_TIME: Duration = Duration::from_secs(60 * 60);
/// Between two looks at the counts.
const LOOK: Duration = Duration::from_millis(250);

/// The eye on a running demo.
pub(super) struct Watching<'a> {
    folder: &'a Folder,
    news: &'a mut mpsc::Receiver<Restarted>,
    tally: &'a Tally,
    screen: Screen,
    restarted: u64,
}

impl<'a> Watching<'a> {
    /// An eye on this folder and these counts.
    pub(super) fn new(
        folder: &'a Folder,
        news: &'a mut mpsc::Receiver<Restarted>,
        tally: &'a Tally,
        screen: Screen,
    ) -> Watching<'a> {
        Watching {
            folder,
            news,
            tally,
            screen,
            restarted: 0,
        }
    }

    /// Shows how things stand until the time is over, or somebody stops it.
    pub(super) async fn until_stopped(&mut self, time: Option<Duration>) {
        let end = time.map(|time| clock::now() + time);
        let stopped = super::stopped(false);
        tokio::pin!(stopped);
        while end.is_none_or(|end| clock::now() < end) {
            tokio::select! {
                () = &mut stopped => return,
                Some(restarted) = self.news.recv() => self.tell(&restarted),
                () = clock::pause(LOOK) => {}
            }
            self.look(false).await;
        }
    }

    /// Waits until every order is at rest; false when that takes too long, or is not wanted.
    pub(super) async fn until_rest(&mut self, orders: tokio::task::JoinHandle<()>) -> bool {
        self.screen
            .say("no new orders; waiting for every saga to end (Ctrl-C to leave at once)\n");
        let broken = self.folder.broken().is_ok_and(|broken| !broken.is_empty());
        let end = clock::now() + if broken { MEND_TIME } else { REST_TIME };
        let stopped = super::stopped(false);
        tokio::pin!(stopped, orders);
        while clock::now() < end {
            tokio::select! {
                ended = &mut orders => {
                    self.look(true).await;
                    return ended.is_ok();
                }
                () = &mut stopped => break,
                Some(restarted) = self.news.recv() => self.tell(&restarted),
                () = clock::pause(LOOK) => {}
            }
            self.look(false).await;
        }
        orders.abort();
        self.look(true).await;
        false
    }

    async fn look(&mut self, finished: bool) {
        let counts = self.tally.counts();
        let folder = self.folder.clone();
        let books = tokio::task::spawn_blocking(move || Books::read(&folder))
            .await
            .unwrap_or_default();
        if let Some(saga) = self.tally.example() {
            let tree = crate::cli::draw(&saga, crate::cli::Style::of_stdout());
            self.screen
                .say(&format!("\nOne that was undone:\n{tree}\n"));
        }
        self.screen.show(&counts, &books, finished);
    }

    fn tell(&mut self, restarted: &Restarted) {
        self.restarted += 1;
        let Restarted { name, ended, pid } = restarted;
        self.screen
            .say(&format!("{name} ended ({ended}); started again as {pid}\n"));
    }

    /// Says how it ended, and what to do next.
    pub(super) fn farewell(&self, rested: bool, verifies: bool) {
        let counts = self.tally.counts();
        if let Some(trouble) = &counts.trouble {
            self.screen.say(&format!("the last trouble: {trouble}\n"));
        }
        if self.restarted > 0 {
            self.screen
                .say(&format!("processes started again: {}\n", self.restarted));
        }
        if !rested {
            let moving = counts.moving();
            self.screen.say(&format!(
                "{moving} sagas are not at rest; they go on when the demo is started again\n"
            ));
        } else if !verifies {
            print("every saga is at rest; prove the books with: banyan demo verify\n");
        }
    }
}
