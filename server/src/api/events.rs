//! What changes, as it is indexed: server-sent events that go on where a client was.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::sse::{Event, KeepAlive, Sse},
};
use futures_util::{Stream, stream};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::{App, Problem, Standing, place, pool};
use crate::store::{int, sql};

/// Events that are read at a time.
const ROWS: u64 = 200;

/// How long a subscriber waits before it looks for itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a subscriber is.
struct Subscriber {
    app: App,
    standing: watch::Receiver<Standing>,
    /// The last event that it has.
    last: (u64, u64),
    /// Reorganisations that it knows of.
    reorganisations: u64,
    waiting: VecDeque<Event>,
    _place: OwnedSemaphorePermit,
}

/// The event's id of a place.
fn id((block, position): (u64, u64), reorganisations: u64) -> String {
    format!("{block}-{position}-{reorganisations}")
}

fn parse(text: &str) -> Option<((u64, u64), u64)> {
    let (place_text, reorganisations) = text.rsplit_once('-')?;
    Some((place(place_text)?, reorganisations.parse().ok()?))
}

/// Every log that is indexed, as `event: log`, and `event: reorganisation` with the last block that still counts when some are taken back.
/// With `Last-Event-ID` it goes on behind that event; without, it begins with what comes now.
#[utoipa::path(get, path = "/v1/events", tag = "events",
    params(("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has")),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 503, body = Problem)))]
pub(crate) async fn events(
    State(app): State<App>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let tip = app.tip()?;
    let standing = app.standing.clone();
    let now = ((tip.number, i64::MAX as u64), standing.borrow().reorganisations);
    let (last, reorganisations) = match headers.get("last-event-id") {
        None => now,
        Some(text) => {
            let known = text.to_str().ok().and_then(parse);
            known.ok_or_else(|| Problem::argument("Last-Event-ID: the id of an event of this stream is allowed"))?
        }
    };
    let seat = app.subscribers.clone().try_acquire_owned();
    let seat = seat.map_err(|_| Problem::unavailable("all places for subscribers are taken; try again later"))?;
    let subscriber = Subscriber { app, standing, last, reorganisations, waiting: VecDeque::new(), _place: seat };
    let events = stream::unfold(subscriber, |mut subscriber| async move {
        let event = subscriber.next().await?;
        Some((Ok(event), subscriber))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

impl Subscriber {
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if let Err(error) = self.read().await {
                tracing::warn!(error = format!("{error:#}"), "a subscriber was not served");
                return None; // It comes back with the last id.
            }
            if self.waiting.is_empty() && self.standing.has_changed().is_err() {
                return None; // The server stops.
            }
            if self.waiting.is_empty() {
                // Woken or not, it looks again.
                let _ = tokio::time::timeout(PATIENCE, self.standing.changed()).await;
            }
        }
    }

    async fn read(&mut self) -> anyhow::Result<()> {
        let rows = self.app.store.rows(sql::REORGANISATIONS_AFTER, [self.reorganisations.into()]).await?;
        for row in &rows {
            let (number, block, depth) = (int(row, 0)?, int(row, 1)?, int(row, 2)?);
            self.reorganisations = number;
            // Whoever had not seen the lost blocks has lost nothing.
            if self.last.0 > block {
                self.last = (block, i64::MAX as u64);
            }
            let data = json!({ "block": block, "depth": depth });
            let event = Event::default().event("reorganisation").id(id(self.last, number)).data(data.to_string());
            self.waiting.push_back(event);
        }
        let rows =
            self.app.store.rows(sql::EVENTS_AFTER, [self.last.0.into(), self.last.1.into(), ROWS.into()]).await?;
        for row in &rows {
            let event = pool::event(row)?;
            self.last = event.place();
            let data = serde_json::to_string(&event)?;
            self.waiting.push_back(Event::default().event("log").id(id(self.last, self.reorganisations)).data(data));
        }
        Ok(())
    }
}
