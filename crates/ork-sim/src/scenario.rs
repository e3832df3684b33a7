//! What a seed decides before its world begins: nodes, runs, what users do, and what goes wrong.

use ork_core::plan::Plan;

use crate::dice::Dice;
use crate::plans::{self, Temper};

/// What is asked of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Anything goes wrong at any time, up to the end; nothing illegal may be seen.
    Safety,
    /// Things go wrong and are then healed: everything that can end must end.
    Liveness,
    /// Nodes are killed and nothing else happens: their tasks must be running again soon.
    Recovery,
}

impl Mode {
    /// One word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Liveness => "liveness",
            Self::Recovery => "recovery",
        }
    }
}

/// One engine process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// Attempts at work at once.
    pub capacity: usize,
    /// Most tasks of one claim.
    pub claim_max: usize,
    /// Attempts claimed ahead, by a node without processes.
    pub prefetch: usize,
    /// It runs processes, not only handlers.
    pub has_processes: bool,
    /// How far its clock is off.
    pub skew_ms: i64,
}

/// Something that goes wrong with a machine or the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incident {
    /// The node ends where it stands, and comes back as another worker after a while.
    Kill {
        /// Which.
        node: usize,
        /// Milliseconds until it is back.
        back_after_ms: u64,
    },
    /// The node is ended in order, and comes back.
    Drain {
        /// Which.
        node: usize,
        /// How long its attempts may go on.
        grace_ms: u64,
        /// Milliseconds until it is back.
        back_after_ms: u64,
    },
    /// The node's requests and answers are kept back for so long.
    Freeze {
        /// Which.
        node: usize,
        /// How long.
        ms: u64,
    },
    /// The database answers nobody for so long.
    Outage {
        /// How long.
        ms: u64,
    },
}

/// What a user does to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Asks for the run's end.
    Cancel,
    /// Asks for the end of one task.
    CancelTask(u32),
    /// Pauses the run.
    Pause,
    /// Lets it go on.
    Resume,
    /// Ends a task's wait for its retry.
    RetryNow(u32),
    /// Repeats the run when it is over, with what succeeded taken over.
    RetryRun,
}

/// Faults of single requests, per thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates {
    /// Requests that fail before they reach the database.
    pub before: u64,
    /// Requests that take effect and whose answer is lost.
    pub after: u64,
    /// Requests, and answers, that are slow.
    pub slow: u64,
    /// Changes whose commit fails.
    pub commit: u64,
    /// Outcomes, and changes of steps, that their node dies with.
    pub death: u64,
}

/// Something that happens at a time, in milliseconds from the beginning.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed<T> {
    /// When.
    pub at_ms: u64,
    /// What.
    pub what: T,
}

/// Everything that a seed decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// The seed.
    pub seed: u64,
    /// What is asked.
    pub mode: Mode,
    /// The nodes.
    pub nodes: Vec<NodeSpec>,
    /// All nodes are on one machine and see each other die.
    pub knows_deaths: bool,
    /// Faults of single requests.
    pub rates: Rates,
    /// What goes wrong.
    pub incidents: Vec<Timed<Incident>>,
    /// Runs that are submitted; the number is the run's, for good.
    pub runs: Vec<Timed<(u64, Plan)>>,
    /// What users do, each to the run with this number.
    pub commands: Vec<Timed<(u64, Command)>>,
    /// When the world is healed, or ends.
    pub horizon_ms: u64,
}

/// The streams of the dice.
const SHAPE: u64 = 1;
const TROUBLE: u64 = 2;
const WORK: u64 = 3;
const USERS: u64 = 4;

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mode = match seed % 5 {
            0 | 1 => Mode::Safety,
            2 | 3 => Mode::Liveness,
            _ => Mode::Recovery,
        };
        let mut dice = Dice::new(seed, &[SHAPE]);
        let horizon_ms = dice.between(15_000, 35_000);
        let nodes = nodes(&mut dice, mode);
        let runs = runs(&mut Dice::new(seed, &[WORK]), mode, horizon_ms);
        let mut trouble = Dice::new(seed, &[TROUBLE]);
        Self {
            seed,
            mode,
            knows_deaths: dice.percent(40),
            rates: rates(&mut trouble, mode),
            incidents: incidents(&mut trouble, mode, nodes.len(), horizon_ms),
            commands: commands(&mut Dice::new(seed, &[USERS]), mode, &runs),
            nodes,
            runs,
            horizon_ms,
        }
    }
}

fn nodes(dice: &mut Dice, mode: Mode) -> Vec<NodeSpec> {
    let skewed = mode != Mode::Recovery && dice.percent(40);
    let node = |at: u64, dice: &mut Dice| {
        let calm = mode == Mode::Recovery;
        NodeSpec {
            capacity: if calm { 64 } else { dice.index(4) + 1 },
            claim_max: if calm { 1 } else { [1, 2, 1_000][dice.index(3)] },
            prefetch: dice.index(8),
            // One of them always does, or else some tasks could not run at all.
            has_processes: calm || at == 0 || dice.percent(70),
            skew_ms: if skewed { i64::try_from(dice.below(1_000)).unwrap_or(0) - 500 } else { 0 },
        }
    };
    (0..dice.between(2, 3)).map(|at| node(at, dice)).collect()
}

fn runs(dice: &mut Dice, mode: Mode, horizon_ms: u64) -> Vec<Timed<(u64, Plan)>> {
    let temper = if mode == Mode::Recovery { Temper::Eager } else { Temper::Wild };
    let count = dice.between(3, 8);
    let at = |dice: &mut Dice| if dice.percent(40) { dice.below(2_000) } else { dice.below(horizon_ms * 3 / 4) };
    (0..count).map(|number| Timed { at_ms: at(dice), what: (number, plans::random(dice, temper)) }).collect()
}

fn rates(dice: &mut Dice, mode: Mode) -> Rates {
    if mode == Mode::Recovery || dice.percent(25) {
        return Rates::default();
    }
    let mut below = |bound| dice.below(bound);
    let (before, after, slow, commit) = (below(60), below(60), below(150), below(40));
    Rates { before, after, slow, commit, death: if dice.percent(50) { dice.below(60) } else { 0 } }
}

fn incidents(dice: &mut Dice, mode: Mode, nodes: usize, horizon_ms: u64) -> Vec<Timed<Incident>> {
    let count = dice.between(1, 4);
    let mut all = Vec::new();
    for _ in 0..count {
        let at_ms = dice.between(500, horizon_ms - 1_000);
        let node = dice.index(nodes);
        let back_after_ms = dice.between(100, 20_000);
        let what = match (mode, dice.below(10)) {
            // The first node stays, so that somebody is there who can take over.
            (Mode::Recovery, _) => Incident::Kill { node: 1 + dice.index(nodes - 1), back_after_ms },
            (_, 0..3) => Incident::Kill { node, back_after_ms },
            (_, 3..7) => Incident::Freeze { node, ms: dice.between(3_000, 30_000) },
            (_, 7) => Incident::Drain { node, grace_ms: dice.below(4_000), back_after_ms },
            _ => Incident::Outage { ms: dice.between(500, 25_000) },
        };
        all.push(Timed { at_ms, what });
    }
    all
}

fn commands(dice: &mut Dice, mode: Mode, runs: &[Timed<(u64, Plan)>]) -> Vec<Timed<(u64, Command)>> {
    let count = if mode == Mode::Recovery { dice.below(2) } else { dice.below(12) };
    let mut all = Vec::new();
    for _ in 0..count {
        let submitted = &runs[dice.index(runs.len())];
        let (at_ms, run) = (submitted.at_ms + dice.below(9_000), submitted.what.0);
        let n = u32::try_from(dice.below(10)).unwrap_or(0);
        let what = match (mode, dice.below(12)) {
            (Mode::Recovery, _) | (_, 0 | 1) => Command::Cancel,
            (_, 2 | 3) => Command::CancelTask(n),
            (_, 4..7) => Command::Pause,
            (_, 7..9) => Command::Resume,
            (_, 9) => Command::RetryNow(n),
            _ => Command::RetryRun,
        };
        all.push(Timed { at_ms, what: (run, what) });
    }
    all
}
