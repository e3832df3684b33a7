//! Coordinates: each vertex as near to its neighbours as its layer allows.
//!
//! A layer with a fixed order and least distances, whose vertices each want to be somewhere, is an isotonic regression:
//! its best solution is found exactly, in one pass, by pooling adjacent violators (Ayer and others, 1955). Sweeping it
//! over the layers is much shorter than the four alignments of Brandes and Köpf, and as good to look at.

use super::Size;
use super::mesh::{Links, Mesh};

/// Pixels between two boxes, and between a bend and its neighbour.
const BOX_GAP: f64 = 28.0;
const BEND_GAP: f64 = 16.0;
/// How strongly a vertex without neighbours stays where it is.
const INERTIA: f64 = 0.01;

/// Neighbours that count in a sweep.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sides {
    Up,
    Down,
    Both,
}

/// Which, and how many times. First all follows what is above, and what is below; then every vertex goes between.
const SWEEPS: [(Sides, usize); 5] =
    [(Sides::Up, 1), (Sides::Down, 1), (Sides::Up, 1), (Sides::Down, 1), (Sides::Both, 12)];

/// The middle of each vertex, from the left side of the picture.
pub fn middles(mesh: &Mesh, sizes: &[Size]) -> Vec<i32> {
    let half: Vec<f64> = (0_u32..)
        .zip(&mesh.layer)
        .map(|(vertex, _)| sizes.get(vertex as usize).map_or(0.0, |size| f64::from(size.width) / 2.0))
        .collect();
    let offsets: Vec<Vec<f64>> = mesh.layers.iter().map(|layer| offsets(mesh, layer, &half)).collect();
    let mut x = vec![0.0; mesh.layer.len()];
    for (layer, offsets) in mesh.layers.iter().zip(&offsets) {
        layer.iter().zip(offsets).for_each(|(vertex, offset)| x[*vertex as usize] = *offset);
    }
    for sides in SWEEPS.into_iter().flat_map(|(sides, times)| std::iter::repeat_n(sides, times)) {
        for step in 0..mesh.layers.len() {
            let at = if sides == Sides::Down { mesh.layers.len() - 1 - step } else { step };
            let wishes: Vec<(f64, f64)> = mesh.layers[at].iter().map(|vertex| wish(mesh, *vertex, sides, &x)).collect();
            let granted = pool(&wishes, &offsets[at]);
            mesh.layers[at].iter().zip(granted).for_each(|(vertex, granted)| x[*vertex as usize] = granted);
        }
    }
    let left = x.iter().zip(&half).map(|(x, half)| x - half).fold(f64::INFINITY, f64::min);
    x.iter().map(|x| (x - left).round() as i32).collect()
}

/// How far each vertex of a layer must be from the first.
fn offsets(mesh: &Mesh, layer: &[u32], half: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut before: Option<u32> = None;
    let next = |&vertex: &u32| {
        if let Some(before) = before {
            let gap = if mesh.is_bend(before) || mesh.is_bend(vertex) { BEND_GAP } else { BOX_GAP };
            offset += half[before as usize] + gap + half[vertex as usize];
        }
        before = Some(vertex);
        offset
    };
    layer.iter().map(next).collect()
}

/// Where a vertex wants to be, and how strongly: at the mean of its neighbours. A trunk pulls hardest, so that it is
/// nearly straight; pulling harder still makes it so stiff that large pictures get many times as wide.
fn wish(mesh: &Mesh, vertex: u32, sides: Sides, x: &[f64]) -> (f64, f64) {
    let (mut sum, mut weight) = (x[vertex as usize] * INERTIA, INERTIA);
    let mut pull = |links: &Links| {
        for &other in links.of(vertex) {
            let strength = match (mesh.is_bend(vertex), mesh.is_bend(other)) {
                (true, true) => 24.0,
                (false, false) => 1.0,
                _ => 2.0,
            };
            sum += x[other as usize] * strength;
            weight += strength;
        }
    };
    if sides != Sides::Down {
        pull(&mesh.up);
    }
    if sides != Sides::Up {
        pull(&mesh.down);
    }
    (sum / weight, weight)
}

/// Grants wishes (where, how strongly) with the least sum of weighted squared errors among all that keep the offsets.
fn pool(wishes: &[(f64, f64)], offsets: &[f64]) -> Vec<f64> {
    // Vertices that touch each other: where the first would be if it were the layer's first, their weight, how many.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for ((wish, weight), offset) in wishes.iter().zip(offsets) {
        let mut pool = (wish - offset, *weight, 1);
        while let Some(&(at, weight, count)) = pools.last()
            && at > pool.0
        {
            let sum = weight + pool.1;
            pool = ((at * weight + pool.0 * pool.1) / sum, sum, count + pool.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let places = pools.iter().flat_map(|(at, _, count)| std::iter::repeat_n(*at, *count));
    places.zip(offsets).map(|(at, offset)| at + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_granted_as_far_as_distances_allow() {
        assert_eq!(pool(&[(0.0, 1.0), (50.0, 1.0)], &[0.0, 10.0]), [0.0, 50.0]);
        assert_eq!(pool(&[(20.0, 1.0), (20.0, 1.0)], &[0.0, 10.0]), [15.0, 25.0]);
        assert_eq!(pool(&[(20.0, 3.0), (20.0, 1.0), (90.0, 1.0)], &[0.0, 10.0, 20.0]), [17.5, 27.5, 90.0]);
        assert_eq!(pool(&[(9.0, 1.0), (6.0, 1.0), (3.0, 1.0)], &[0.0, 1.0, 2.0]), [5.0, 6.0, 7.0]);
    }
}
