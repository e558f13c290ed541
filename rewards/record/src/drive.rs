//! From a source to a sink: reads, understands, records.

use rewards_files::Error;

use crate::{
    event::Message,
    feed::Feed,
    recorder::Recorder,
    sink::Sink,
    source::{Input, Source, Tape},
};

/// How many messages that cannot be read are told one by one.
const TOLD: u64 = 20;

/// Takes inputs, one after the other.
#[derive(Debug)]
pub struct Drive<'a> {
    feed: Box<dyn Feed + 'a>,
    tape: Option<Tape>,
    out: Vec<Message>,
    /// Messages that could not be read.
    pub malformed: u64,
    /// The first few of them: their number, counted from 1, and what is wrong.
    pub first_malformed: Vec<(u64, String)>,
    /// Inputs that were messages.
    pub taken: u64,
}

impl<'a> Drive<'a> {
    /// A drive by this reader; what comes is kept on the tape, if there is one.
    #[must_use]
    pub fn new(feed: Box<dyn Feed + 'a>, tape: Option<Tape>) -> Self {
        Self { feed, tape, out: Vec::new(), malformed: 0, first_malformed: Vec::new(), taken: 0 }
    }

    /// Takes what came; whether the source is to be opened anew, since nobody understands it.
    ///
    /// # Errors
    ///
    /// If tape or sink fail. What is wrong with the feed is recorded.
    pub fn take(&mut self, input: &Input, recorder: &mut Recorder<'_>, sink: &mut impl Sink) -> Result<bool, Error> {
        if let Some(tape) = &mut self.tape {
            tape.keep(input)?;
        }
        match input {
            Input::Text(text, arrived_ms) => {
                self.taken += 1;
                let read = self.feed.read(text, *arrived_ms, &mut self.out);
                for message in self.out.drain(..) {
                    recorder.take(message, *arrived_ms, sink)?;
                }
                let Err(error) = read else { return Ok(false) };
                self.malformed += 1;
                if self.malformed <= TOLD {
                    sink.note(error.market, recorder.now_ms(), &format!("message {}: {error}", self.taken));
                    self.first_malformed.push((self.taken, error.to_string()));
                }
                recorder.take(error.lost(), None, sink)?;
                self.feed.reset();
                Ok(true)
            }
            Input::Lost(reason, arrived_ms) => {
                self.feed.reset();
                recorder.take(Message::Lost { market: None, reason: reason.clone() }, None, sink)?;
                arrived_ms.map_or(Ok(()), |arrived_ms| recorder.idle(arrived_ms, sink))?;
                Ok(false)
            }
            Input::Idle(Some(arrived_ms)) => recorder.idle(*arrived_ms, sink).map(|()| false),
            Input::Idle(None) | Input::End => Ok(false),
        }
    }

    /// Takes everything until the source ends, the epoch is recorded, or `stop` says so after an input; `stop` is shown the recorder and the sink.
    ///
    /// # Errors
    ///
    /// If source, tape or sink fail.
    pub fn run<S: Sink>(
        &mut self,
        source: &mut Source,
        recorder: &mut Recorder<'_>,
        sink: &mut S,
        mut stop: impl FnMut(&Recorder<'_>, &mut S) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        loop {
            // Files are read to their end: executions may lie in a later one.
            if source.is_live() && recorder.is_done() {
                break;
            }
            let input = source.take()?;
            let is_over = matches!(input, Input::Idle(_)) && recorder.is_done();
            if input == Input::End || is_over {
                break;
            }
            if self.take(&input, recorder, sink)? {
                source.renew();
            }
            if stop(recorder, sink)? {
                break;
            }
        }
        Ok(())
    }
}
