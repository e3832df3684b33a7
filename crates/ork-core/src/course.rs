//! Which step of an attempt comes next: a function of the plan's steps and of what became of them so far.

use std::collections::BTreeMap;

use crate::step::{Step, StepPhase, StepStatus, StepWork};

/// What became of the steps of an attempt: by round and position, how the last try of each ended.
pub type Seen = BTreeMap<(u32, u32), StepStatus>;

/// What is done next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These steps are done, side by side.
    Do {
        /// The round.
        round: u32,
        /// Their positions.
        positions: Vec<u32>,
    },
    /// Somebody is asked about these steps.
    Ask {
        /// The round.
        round: u32,
        /// Their positions.
        positions: Vec<u32>,
    },
    /// These steps are passed over.
    Pass {
        /// The round.
        round: u32,
        /// Their positions.
        positions: Vec<u32>,
        /// `skipped` or `cancelled`.
        status: StepStatus,
    },
    /// There is nothing left to do.
    Over,
}

/// What an attempt may still do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Whole,
    /// Nothing but to put away what was begun: it was stopped, or its worker was lost.
    PutAway,
}

/// An attempt's way through its steps.
#[derive(Debug, Clone, Copy)]
pub struct Course<'a> {
    /// The steps, by phase.
    pub steps: &'a [Step],
    /// Rounds of execution and validation, at the most.
    pub rounds: u32,
}

impl<'a> Course<'a> {
    /// What comes next.
    #[must_use]
    pub fn next(self, seen: &Seen, mode: Mode) -> Next {
        let round = Self::round(seen);
        let main = self.main(round, seen);
        let failed = self.failed_at(round, seen);
        if let Some(rest) = failed.or((mode == Mode::PutAway).then_some(None)) {
            if !main.is_empty() && !seen.is_empty() {
                let status = if mode == Mode::PutAway { StepStatus::Cancelled } else { StepStatus::Skipped };
                return Next::Pass { round, positions: main, status };
            }
            let again = rest.is_some_and(|position| self.phase(position) == Some(StepPhase::Validation));
            if again && mode == Mode::Whole && round < self.rounds.max(1) {
                return self.begin(round + 1, &self.main(round + 1, seen));
            }
            return self.put_away(round, seen);
        }
        if main.is_empty() { self.put_away(round, seen) } else { self.begin(round, &main) }
    }

    /// The round that the attempt is in.
    #[must_use]
    pub fn round(seen: &Seen) -> u32 {
        seen.keys().map(|(round, _)| *round).max().unwrap_or(1)
    }

    /// The step whose failure is the attempt's: the first one of the last round, or of setup.
    #[must_use]
    pub fn failed(self, seen: &Seen) -> Option<(u32, u32)> {
        let round = Self::round(seen);
        self.failed_at(round, seen).flatten().map(|position| (round, position))
    }

    /// `Some` when a step of this round has failed; with its position.
    fn failed_at(self, round: u32, seen: &Seen) -> Option<Option<u32>> {
        let bad = |position: &u32| {
            let step = self.steps.get(*position as usize).filter(|step| step.phase != StepPhase::Cleanup);
            step.is_some_and(|step| match seen.get(&(round, *position)) {
                Some(StepStatus::Failed) => !step.continue_on_error,
                Some(StepStatus::Cancelled) => true,
                _ => false,
            })
        };
        self.positions().find(bad).map(Some)
    }

    fn positions(self) -> std::ops::Range<u32> {
        0..u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    fn phase(self, position: u32) -> Option<StepPhase> {
        self.steps.get(position as usize).map(|step| step.phase)
    }

    /// What of the work this round has not seen yet.
    fn main(self, round: u32, seen: &Seen) -> Vec<u32> {
        let belongs = |position: &u32| match self.phase(*position) {
            Some(StepPhase::Setup) => round == 1,
            Some(StepPhase::Execution | StepPhase::Validation) => true,
            _ => false,
        };
        self.positions().filter(belongs).filter(|position| !seen.contains_key(&(round, *position))).collect()
    }

    fn begin(self, round: u32, left: &[u32]) -> Next {
        let Some(first) = left.first().and_then(|position| self.steps.get(*position as usize)) else {
            return Next::Over;
        };
        let alike = |position: &&u32| {
            let step = self.steps.get(**position as usize);
            step.is_some_and(|step| step.phase == first.phase && kind(&step.work) == kind(&first.work))
        };
        match kind(&first.work) {
            Kind::Alone => Next::Do { round, positions: left[..1].to_vec() },
            Kind::Judges => Next::Do { round, positions: left.iter().take_while(alike).copied().collect() },
            Kind::Asks => Next::Ask { round, positions: left.iter().take_while(alike).copied().collect() },
        }
    }

    /// Cleanup, if anything was begun: each of its steps, whatever became of the others.
    fn put_away(self, round: u32, seen: &Seen) -> Next {
        let is_cleanup = |position: &u32| self.phase(*position) == Some(StepPhase::Cleanup);
        let begun = seen.iter().any(|(_, status)| *status != StepStatus::Skipped);
        let left = self.positions().filter(is_cleanup).find(|position| !seen.contains_key(&(round, *position)));
        match left {
            Some(position) if begun => Next::Do { round, positions: vec![position] },
            _ => Next::Over,
        }
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Alone,
    Judges,
    Asks,
}

const fn kind(work: &StepWork) -> Kind {
    match work {
        StepWork::GateCommand(_) | StepWork::GateRun(_) | StepWork::GateCondition(_) => Kind::Judges,
        StepWork::Approval(_) => Kind::Asks,
        StepWork::Command(_) | StepWork::Run(_) | StepWork::Ai(_) | StepWork::Artifact(_) => Kind::Alone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::retry::RetryPolicy;
    use crate::step::{Approval, OnExpiry};

    fn step(letter: char) -> Step {
        let approval = Approval {
            role: Role::Operator,
            expires_ms: None,
            on_expiry: OnExpiry::Reject,
            allow_self: true,
            message: None,
        };
        let (phase, work) = match letter {
            's' => (StepPhase::Setup, StepWork::Run("x".into())),
            'e' => (StepPhase::Execution, StepWork::Run("x".into())),
            'c' => (StepPhase::Cleanup, StepWork::Run("x".into())),
            'g' => (StepPhase::Validation, StepWork::GateRun("x".into())),
            _ => (StepPhase::Validation, StepWork::Approval(approval)),
        };
        Step {
            name: letter.into(),
            phase,
            when: None,
            timeout_ms: None,
            retry: RetryPolicy::default(),
            continue_on_error: false,
            env: BTreeMap::new(),
            work,
        }
    }

    /// Follows an attempt; `fails` says which (round, position) fail. The letters of what was done, round by round.
    fn follow(letters: &str, rounds: u32, fails: &[(u32, u32)], stop_after: usize) -> String {
        let steps: Vec<Step> = letters.chars().map(step).collect();
        let course = Course { steps: &steps, rounds };
        let (mut seen, mut told) = (Seen::new(), String::new());
        for done in 0.. {
            let mode = if done < stop_after { Mode::Whole } else { Mode::PutAway };
            let (round, positions, mark) = match course.next(&seen, mode) {
                Next::Do { round, positions } => (round, positions, "".to_owned()),
                Next::Ask { round, positions } => (round, positions, "?".to_owned()),
                Next::Pass { round, positions, status } => {
                    for position in &positions {
                        seen.insert((round, *position), status);
                    }
                    (round, positions, format!("-{}", &status.word()[..1]))
                }
                Next::Over => break,
            };
            let names: String = positions.iter().map(|at| letters.as_bytes()[*at as usize] as char).collect();
            told += &format!("{round}{names}{mark} ");
            for position in positions {
                let status = if fails.contains(&(round, position)) { StepStatus::Failed } else { StepStatus::Success };
                seen.entry((round, position)).or_insert(status);
            }
            assert!(done < 50, "{told}");
        }
        told.trim_end().into()
    }

    #[test]
    fn phases_follow_each_other_and_gates_stand_side_by_side() {
        assert_eq!(follow("seeggaac", 1, &[], 99), "1s 1e 1e 1gg 1aa? 1c");
    }

    #[test]
    fn a_failure_skips_the_rest_but_cleanup() {
        assert_eq!(follow("seegcc", 3, &[(1, 1)], 99), "1s 1e 1eg-s 1c 1c");
        assert_eq!(follow("secc", 3, &[(1, 0), (1, 2)], 99), "1s 1e-s 1c 1c");
    }

    #[test]
    fn a_failed_validation_begins_another_round_while_there_is_one() {
        assert_eq!(follow("seggac", 2, &[(1, 3)], 99), "1s 1e 1gg 1a-s 2e 2gg 2a? 2c");
        assert_eq!(follow("segc", 2, &[(1, 2), (2, 2)], 99), "1s 1e 1g 2e 2g 2c");
        assert_eq!(follow("sec", 5, &[(1, 1)], 99), "1s 1e 1c", "only a failed validation does");
    }

    #[test]
    fn what_is_stopped_is_put_away() {
        assert_eq!(follow("seec", 1, &[], 2), "1s 1e 1e-c 1c");
        assert_eq!(follow("seec", 1, &[], 0), "", "nothing was begun");
        assert_eq!(follow("egc", 3, &[(1, 1)], 2), "1e 1g 1c", "and begins no round");
    }
}
