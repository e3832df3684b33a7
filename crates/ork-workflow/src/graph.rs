//! The graph of a plan: cycles, depth, and who comes before whom. Everything is iterative: a plan may be 100,000 deep
//! before its depth is known.

use std::collections::BTreeMap;

/// Reads checked in one pass over the graph; each is one bit per node.
const READS_PER_PASS: usize = 512;
/// A node that is not among the targets of a pass.
const NO_BIT: usize = usize::MAX;
type Mask = [u64; READS_PER_PASS / 64];

/// Dependencies by position: `parents[child]` lists what the child needs.
pub struct Graph<'g> {
    pub parents: &'g [Vec<u32>],
}

/// Nodes in an order in which each comes after what it needs, or a cycle.
pub enum Order {
    /// All nodes.
    Topological(Vec<u32>),
    /// Each needs the next, the last the first.
    Cycle(Vec<u32>),
}

impl Graph<'_> {
    /// Orders the nodes.
    pub fn order(&self) -> Order {
        let mut children: Vec<Vec<u32>> = vec![Vec::new(); self.parents.len()];
        let mut open: Vec<usize> = Vec::with_capacity(self.parents.len());
        for (child, parents) in (0_u32..).zip(self.parents) {
            open.push(parents.len());
            for &parent in parents {
                children[parent as usize].push(child);
            }
        }
        let mut order: Vec<u32> = (0_u32..).zip(&open).filter(|&(_, &left)| left == 0).map(|(node, _)| node).collect();
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            next += 1;
            for &child in &children[node as usize] {
                open[child as usize] -= 1;
                if open[child as usize] == 0 {
                    order.push(child);
                }
            }
        }
        if order.len() == self.parents.len() { Order::Topological(order) } else { Order::Cycle(self.cycle(&open)) }
    }

    /// Among the nodes that could not be ordered each needs another such node, so that following one need after the
    /// other must come back to a node that was seen.
    fn cycle(&self, open: &[usize]) -> Vec<u32> {
        let Some(first) = (0_u32..).zip(open).find(|&(_, &left)| left > 0).map(|(node, _)| node) else {
            return Vec::new();
        };
        let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
        let mut path: Vec<u32> = Vec::new();
        let mut here = first;
        loop {
            if let Some(&start) = seen.get(&here) {
                return path.split_off(start);
            }
            seen.insert(here, path.len());
            path.push(here);
            match self.parents[here as usize].iter().find(|&&parent| open[parent as usize] > 0) {
                Some(&parent) => here = parent,
                None => return path,
            }
        }
    }

    /// The first node of a chain that is longer than allowed.
    pub fn too_deep(&self, order: &[u32], depth_max: u32) -> Option<u32> {
        let mut depth = vec![1_u32; self.parents.len()];
        for &node in order {
            let above = self.parents[node as usize].iter().map(|&parent| depth[parent as usize]).max().unwrap_or(0);
            depth[node as usize] = above + 1;
            if above >= depth_max {
                return Some(node);
            }
        }
        None
    }

    /// Of pairs (node, other) those in which `other` is not among the ancestors of `node`, by position in `pairs`.
    ///
    /// Masks of a few hundred targets are carried down the graph at a time: one pass costs what the graph has edges,
    /// where a search from every node would cost that for each of 100,000 nodes.
    pub fn not_ancestors(&self, order: &[u32], pairs: &[(u32, u32)]) -> Vec<usize> {
        let mut wrong = Vec::new();
        let mut far: Vec<usize> = Vec::new();
        for (index, &(node, other)) in pairs.iter().enumerate() {
            if node == other {
                wrong.push(index);
            } else if self.parents[node as usize].binary_search(&other).is_err() {
                far.push(index);
            }
        }
        far.sort_by_key(|&index| pairs[index].1);
        let mut rest = far.as_slice();
        let mut bits = vec![NO_BIT; self.parents.len()];
        while !rest.is_empty() {
            let mut targets: Vec<u32> = Vec::new();
            let mut end = 0;
            for &index in rest {
                let target = pairs[index].1;
                if targets.last() != Some(&target) {
                    if targets.len() == READS_PER_PASS {
                        break;
                    }
                    bits[target as usize] = targets.len();
                    targets.push(target);
                }
                end += 1;
            }
            let masks = self.reach(order, &bits);
            let (now, later) = rest.split_at(end);
            wrong.extend(now.iter().filter(|&&index| {
                let (node, other) = pairs[index];
                let bit = bits[other as usize];
                masks[node as usize][bit / 64] >> (bit % 64) & 1 == 0
            }));
            for target in targets {
                bits[target as usize] = NO_BIT;
            }
            rest = later;
        }
        wrong.sort_unstable();
        wrong
    }

    /// For every node which of the numbered targets are among its ancestors.
    fn reach(&self, order: &[u32], bits: &[usize]) -> Vec<Mask> {
        let mut masks: Vec<Mask> = vec![[0; READS_PER_PASS / 64]; self.parents.len()];
        for &node in order {
            let mut mask: Mask = [0; READS_PER_PASS / 64];
            for &parent in &self.parents[node as usize] {
                for (word, above) in mask.iter_mut().zip(&masks[parent as usize]) {
                    *word |= above;
                }
                let bit = bits[parent as usize];
                if bit != NO_BIT {
                    mask[bit / 64] |= 1 << (bit % 64);
                }
            }
            masks[node as usize] = mask;
        }
        masks
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{Graph, Order};

    proptest! {
        #[test]
        fn ancestors_are_those_of_a_plain_search(
            edges in prop::collection::vec((0_u32..40, 0_u32..40), 0..80),
            pairs in prop::collection::vec((0_u32..40, 0_u32..40), 0..60),
        ) {
            // An edge goes from the larger to the smaller number, so that there is no cycle.
            let mut parents: Vec<Vec<u32>> = vec![Vec::new(); 40];
            for (a, b) in edges {
                if a != b {
                    parents[a.max(b) as usize].push(a.min(b));
                }
            }
            parents.iter_mut().for_each(|list| {
                list.sort_unstable();
                list.dedup();
            });
            let graph = Graph { parents: &parents };
            let Order::Topological(order) = graph.order() else { panic!("no cycle") };
            let ancestors = |node: u32| {
                let mut found = BTreeSet::new();
                let mut open = vec![node];
                while let Some(next) = open.pop() {
                    open.extend(parents[next as usize].iter().filter(|&&parent| found.insert(parent)));
                }
                found
            };
            let wanted: Vec<usize> = pairs.iter().enumerate().filter(|(_, (node, other))| !ancestors(*node).contains(other)).map(|(at, _)| at).collect();
            prop_assert_eq!(graph.not_ancestors(&order, &pairs), wanted);
        }

        #[test]
        fn a_cycle_is_one(edges in prop::collection::vec((0_u32..12, 0_u32..12), 0..30)) {
            let mut parents: Vec<Vec<u32>> = vec![Vec::new(); 12];
            for (a, b) in edges {
                parents[a as usize].push(b);
            }
            parents.iter_mut().for_each(|list| {
                list.sort_unstable();
                list.dedup();
            });
            match (Graph { parents: &parents }).order() {
                Order::Topological(order) => {
                    let at = |node: u32| order.iter().position(|&other| other == node);
                    prop_assert!((0..12).all(|node| parents[node as usize].iter().all(|&parent| at(parent) < at(node))));
                }
                Order::Cycle(cycle) => {
                    prop_assert!(!cycle.is_empty());
                    let next = cycle.iter().cycle().skip(1);
                    prop_assert!(cycle.iter().zip(next).all(|(&node, parent)| parents[node as usize].contains(parent)));
                }
            }
        }
    }
}
