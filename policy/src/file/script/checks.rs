//! What steps cannot do behind others.

use crate::file::{Fault, Result};
use core::ops::Range;
use sockvirt_netstack::script::{Action, Direction, Step};

/// Checks that each step of a script can happen.
pub(super) fn reachable(steps: &[Step], spans: &[Range<usize>]) -> Result<()> {
    let walk = Walk { steps, spans };
    walk.run(0..steps.len(), State::default()).map(|_| ())
}

/// What has ended before a step, and which step ended it.
#[derive(Clone, Copy, Default, PartialEq)]
struct State {
    all: Option<usize>,
    sending: Option<usize>,
    coming: Option<usize>,
}

struct Walk<'a> {
    steps: &'a [Step],
    spans: &'a [Range<usize>],
}

impl Walk<'_> {
    fn run(&self, range: Range<usize>, mut state: State) -> Result<State> {
        let mut at = range.start;
        while at < range.end {
            let Some(step) = self.steps.get(at) else {
                break;
            };
            self.possible(at, &step.action, state)?;
            let next = at + 1;
            at = next;
            if let Action::Repeat(repeat) = &step.action {
                at = (next + repeat.count as usize).min(range.end);
                let once = self.run(next..at, state)?;
                // A second round begins where the first one ended. What has ended stays so: a
                // third one is as the second.
                if repeat.times > 1 && once != state {
                    self.run(next..at, once)?;
                }
                state = once;
            } else {
                state = after(&step.action, next - 1, state);
            }
        }
        Ok(state)
    }

    fn possible(&self, at: usize, action: &Action, state: State) -> Result<()> {
        let (end, message) = match (state, action) {
            (State { all: Some(end), .. }, _) => (
                end,
                "this step is never reached: another one ends everything",
            ),
            (
                State {
                    coming: Some(end), ..
                },
                Action::Expect(_),
            ) => (end, "no bytes come any more: another step ends them"),
            (
                State {
                    sending: Some(end), ..
                },
                Action::Send(_),
            ) => (end, "nothing can be sent any more: another step ends it"),
            _ => return Ok(()),
        };
        let span = |at: usize| self.spans.get(at).cloned().unwrap_or_default();
        Err(Fault::new(span(at), message).beside(span(end)))
    }
}

/// What has ended behind a step.
fn after(action: &Action, at: usize, mut state: State) -> State {
    let ended = match action {
        Action::Hang | Action::Reset | Action::Close(Direction::Both) => &mut state.all,
        Action::Close(Direction::Send) => &mut state.sending,
        Action::Close(Direction::Receive) | Action::ExpectClose(_) => &mut state.coming,
        _ => return state,
    };
    ended.get_or_insert(at);
    state
}
