//! What cargo's test binaries say about themselves.

/// Sums over test binaries.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: u64,
    pub failed: u64,
    pub ignored: u64,
}

impl Counts {
    /// Counts a line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`; others say nothing.
    pub fn see(&mut self, line: &str) {
        let Some((_, result)) = line.split_once("test result: ") else { return };
        let Some((_, parts)) = result.split_once(". ") else { return };
        for part in parts.split("; ") {
            match part.split_once(' ').map(|(number, what)| (number.parse().unwrap_or(0), what)) {
                Some((number, "passed")) => self.passed += number,
                Some((number, "failed")) => self.failed += number,
                Some((number, "ignored")) => self.ignored += number,
                _ => {}
            }
        }
    }

    pub fn add(&mut self, other: &Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed() {
        let mut counts = Counts::default();
        for line in [
            "running 3 tests",
            "test a ... ok",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.01s",
            "test result: unreadable",
        ] {
            counts.see(line);
        }
        let mut sum = Counts { passed: 1, failed: 1, ignored: 1 };
        sum.add(&counts);
        assert_eq!(counts, Counts { passed: 5, failed: 4, ignored: 1 });
        assert_eq!(sum, Counts { passed: 6, failed: 5, ignored: 2 });
    }
}
