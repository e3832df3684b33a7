//! The order within layers: few crossings, by sweeps that sort each layer by the mean place of its neighbours.

use super::mesh::{Links, Mesh};

/// Links that all sweeps together may look at, and how many sweeps there are in any case, and at most.
const LINKS_MAX: usize = 1_000_000;
const SWEEPS_MIN: usize = 4;
const SWEEPS_MAX: usize = 24;
/// Sweeps without a better order after which there will hardly be one.
const PATIENCE: usize = 6;

/// Orders the vertices of each layer. Ties keep the order that was, which at first is that of the plan.
pub fn untangle(mesh: &mut Mesh) {
    let sweeps = (LINKS_MAX / (mesh.down.len() + 1)).clamp(SWEEPS_MIN, SWEEPS_MAX);
    let mut layers = mesh.layers.clone();
    let mut places = vec![0_u32; mesh.layer.len()];
    layers.iter().for_each(|layer| number(layer, &mut places));
    let mut best = crossings(&layers, &mesh.down, &places);
    let mut since = 0;
    for sweep in 0..sweeps {
        if best == 0 || since == PATIENCE {
            break;
        }
        let is_down = sweep % 2 == 0;
        for step in 1..layers.len() {
            let at = if is_down { step } else { layers.len() - 1 - step };
            sort(&mut layers[at], if is_down { &mesh.up } else { &mesh.down }, &mut places);
        }
        let now = crossings(&layers, &mesh.down, &places);
        since += 1;
        if now < best {
            (best, since) = (now, 0);
            mesh.layers.clone_from(&layers);
        }
    }
}

fn number(layer: &[u32], places: &mut [u32]) {
    for (place, vertex) in (0_u32..).zip(layer) {
        places[*vertex as usize] = place;
    }
}

/// Sorts a layer by the mean place of the neighbours on one side; without any a vertex stays about where it is.
fn sort(layer: &mut [u32], side: &Links, places: &mut [u32]) {
    let mean = |vertex: u32| {
        let neighbours = side.of(vertex);
        let sum: f64 = neighbours.iter().map(|other| f64::from(places[*other as usize])).sum();
        if neighbours.is_empty() { f64::from(places[vertex as usize]) } else { sum / neighbours.len() as f64 }
    };
    let mut keyed: Vec<(f64, u32)> = layer.iter().map(|vertex| (mean(*vertex), *vertex)).collect();
    keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (slot, (_, vertex)) in layer.iter_mut().zip(keyed) {
        *slot = vertex;
    }
    number(layer, places);
}

/// Pairs of links that cross: for each link those from further left that end further right.
fn crossings(layers: &[Vec<u32>], down: &Links, places: &[u32]) -> u64 {
    let mut crossings = 0;
    let mut ends = Vec::new();
    for pair in layers.windows(2) {
        let mut seen = Counter::new(pair[1].len());
        for vertex in &pair[0] {
            ends.clear();
            ends.extend(down.of(*vertex).iter().map(|below| places[*below as usize] as usize));
            crossings += ends.iter().map(|end| seen.beyond(*end)).sum::<u64>();
            ends.iter().for_each(|end| seen.add(*end));
        }
    }
    crossings
}

/// Counts by place, after Fenwick (1994).
struct Counter {
    tree: Vec<u64>,
    total: u64,
}

impl Counter {
    fn new(places: usize) -> Self {
        Self { tree: vec![0; places + 1], total: 0 }
    }

    fn add(&mut self, place: usize) {
        self.total += 1;
        let mut at = place + 1;
        while at < self.tree.len() {
            self.tree[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// How many were added at places greater than this one.
    fn beyond(&self, place: usize) -> u64 {
        let mut until = 0;
        let mut at = place + 1;
        while at > 0 {
            until += self.tree[at];
            at -= at & at.wrapping_neg();
        }
        self.total - until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(u32, u32)], before: u64, after: u64) {
        let mut mesh = Mesh::new(vec![0, 0, 0, 1, 1, 1], edges);
        let count = |mesh: &Mesh| {
            let mut places = vec![0; 6];
            mesh.layers.iter().for_each(|layer| number(layer, &mut places));
            crossings(&mesh.layers, &mesh.down, &places)
        };
        assert_eq!(count(&mesh), before);
        untangle(&mut mesh);
        assert_eq!(count(&mesh), after);
    }

    #[test]
    fn crossings_are_counted_and_removed() {
        check(&[(0, 3), (1, 4), (2, 5)], 0, 0);
        check(&[(0, 5), (1, 4), (2, 3)], 3, 0);
        check(&[(0, 3), (0, 4), (1, 3), (1, 4)], 1, 1);
    }
}
