//! An alert's life: told once a cause, again after a while, and once more when it is over.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{Alert, Severity};

/// What is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is new, or matters more than before.
    Raised,
    /// It lasts.
    Reminder,
    /// It is over.
    Resolved,
}

impl Stage {
    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Reminder => "reminder",
            Self::Resolved => "resolved",
        }
    }
}

/// Something that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// Whether it is new, lasts, or is over.
    pub stage: Stage,
    /// Since when, seconds of the chain.
    pub since: u64,
    /// When it is told, seconds of the chain.
    pub time: u64,
    /// The alert; of one that is over, as it was last.
    #[serde(flatten)]
    pub alert: Alert,
}

#[derive(Clone, Debug)]
struct Open {
    since: u64,
    told: u64,
    alert: Alert,
}

/// Alerts that are open.
#[derive(Clone, Debug)]
pub struct Watch {
    open: BTreeMap<(&'static str, String), Open>,
    /// What happened and was told: an event that is read again is no news.
    told: BTreeSet<(&'static str, String)>,
    reminder: u64,
}

impl Watch {
    /// None yet. What lasts is told again after so many seconds, what is critical after a quarter of them.
    pub const fn new(reminder: u64) -> Self {
        Self { open: BTreeMap::new(), told: BTreeSet::new(), reminder }
    }

    /// What is open.
    pub fn open(&self) -> impl Iterator<Item = &Alert> {
        self.open.values().map(|open| &open.alert)
    }

    /// What must be told, if these are all alerts that hold at a time.
    pub fn update(&mut self, alerts: Vec<Alert>, time: u64) -> Vec<Notice> {
        self.update_some(alerts, time, |_| true)
    }

    /// The same if these are all alerts of some names; others stay as they are.
    pub fn update_some(&mut self, alerts: Vec<Alert>, time: u64, concerns: impl Fn(&str) -> bool) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut holds = BTreeMap::new();
        for alert in alerts {
            if alert.happened {
                if !self.told.insert((alert.name, alert.subject.clone())) {
                    continue;
                }
                notices.push(Notice { stage: Stage::Raised, since: time, time, alert });
            } else {
                holds.insert((alert.name, alert.subject.clone()), alert);
            }
        }
        let over: Vec<_> =
            self.open.keys().filter(|key| concerns(key.0) && !holds.contains_key(*key)).cloned().collect();
        for key in over {
            if let Some(Open { since, alert, .. }) = self.open.remove(&key) {
                notices.push(Notice { stage: Stage::Resolved, since, time, alert });
            }
        }
        for (key, alert) in holds {
            let before = self.open.get(&key);
            let since = before.map_or(time, |open| open.since);
            let wait = if alert.severity == Severity::Critical { self.reminder / 4 } else { self.reminder };
            let stage = match before {
                None => Some(Stage::Raised),
                Some(open) if alert.severity > open.alert.severity => Some(Stage::Raised),
                Some(open) if time.saturating_sub(open.told) >= wait => Some(Stage::Reminder),
                Some(_) => None,
            };
            let told = match (stage, before) {
                (None, Some(open)) => open.told,
                _ => time,
            };
            if let Some(stage) = stage {
                notices.push(Notice { stage, since, time, alert: alert.clone() });
            }
            self.open.insert(key, Open { since, told, alert });
        }
        notices.sort_by_key(|notice| std::cmp::Reverse(notice.alert.severity));
        notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(severity: Severity) -> Alert {
        Alert::new("surplus", "", severity, "text".to_owned(), "")
    }

    #[test]
    fn a_cause_is_told_once_then_again_after_a_while_and_when_it_is_over() {
        let mut watch = Watch::new(100);
        let mut stages = |time, alerts| {
            let notices: Vec<Notice> = watch.update(alerts, time);
            notices.iter().map(|notice| (notice.stage, notice.since)).collect::<Vec<_>>()
        };
        assert_eq!(stages(10, vec![alert(Severity::Warning)]), [(Stage::Raised, 10)]);
        assert_eq!(stages(109, vec![alert(Severity::Warning)]), []);
        assert_eq!(stages(110, vec![alert(Severity::Warning)]), [(Stage::Reminder, 10)]);
        assert_eq!(stages(111, vec![alert(Severity::Critical)]), [(Stage::Raised, 10)], "it matters more");
        assert_eq!(stages(136, vec![alert(Severity::Critical)]), [(Stage::Reminder, 10)], "and is repeated sooner");
        assert_eq!(stages(137, vec![alert(Severity::Info)]), [], "less is no news");
        assert_eq!(stages(138, vec![]), [(Stage::Resolved, 10)]);
        assert_eq!(stages(139, vec![]), []);
        let happened = Alert { happened: true, ..alert(Severity::Info) };
        assert_eq!(stages(140, vec![happened.clone()]), [(Stage::Raised, 140)]);
        assert_eq!(stages(141, vec![happened]), [], "and told once");
        assert_eq!(stages(500, vec![]), [], "what happened is never over");
    }
}
