//! What the layout promises, over random graphs and a large one.

use std::collections::BTreeMap;

use ork_graph::layout::{Layout, Size, layout};
use proptest::prelude::*;

type Edges = Vec<(u32, u32)>;

/// Boxes, and edges of which each goes to a box that is later in some order.
fn graphs() -> impl Strategy<Value = (Vec<Size>, Edges)> {
    let size = (10..300, 10..90).prop_map(|(width, height)| Size { width, height });
    (1_usize..50).prop_flat_map(move |count| {
        let order = Just((0..count as u32).collect::<Vec<u32>>()).prop_shuffle();
        let pairs = prop::collection::vec((0..count, 0..count), 0..count * 3);
        (prop::collection::vec(size.clone(), count), order, pairs).prop_map(|(sizes, order, pairs)| {
            let pair = |(a, b): (usize, usize)| (order[a.min(b)], order[a.max(b)]);
            let mut edges: Edges = pairs.into_iter().filter(|(a, b)| a != b).map(pair).collect();
            edges.sort_unstable();
            edges.dedup();
            (sizes, edges)
        })
    })
}

fn check(sizes: &[Size], edges: &Edges, done: &Layout) {
    let mut layers: BTreeMap<u32, Vec<(i32, i32)>> = BTreeMap::new();
    let mut heights: BTreeMap<u32, (i32, i32)> = BTreeMap::new();
    for (size, spot) in sizes.iter().zip(&done.spots) {
        assert!(spot.x >= 0 && spot.x + size.width <= done.width, "{spot:?} is outside");
        assert!(spot.y >= 0 && spot.y + size.height <= done.height, "{spot:?} is outside");
        layers.entry(spot.layer).or_default().push((spot.x, spot.x + size.width));
        let sides = heights.entry(spot.layer).or_insert((i32::MAX, i32::MIN));
        *sides = (sides.0.min(spot.y), sides.1.max(spot.y + size.height));
    }
    for boxes in layers.values_mut() {
        boxes.sort_unstable();
        assert!(boxes.windows(2).all(|pair| pair[0].1 < pair[1].0), "two boxes overlap: {boxes:?}");
    }
    let sides: Vec<&(i32, i32)> = heights.values().collect();
    assert!(sides.windows(2).all(|pair| pair[0].1 < pair[1].0), "two layers overlap: {sides:?}");
    for ((from, to), route) in edges.iter().zip(&done.routes) {
        let (above, below) = (done.spots[*from as usize], done.spots[*to as usize]);
        let (first, last) = (route.first().unwrap(), route.last().unwrap());
        assert!(above.layer < below.layer);
        assert_eq!((first.y, last.y), (above.y + sizes[*from as usize].height, below.y));
        assert!(route.windows(2).all(|pair| pair[0].y <= pair[1].y), "{route:?} goes up");
        for (line, layer) in route.chunks_exact(2).zip(above.layer..) {
            assert_eq!(line[0].x, line[1].x, "a line is not vertical");
            if layer > above.layer && layer < below.layer {
                let hit = layers[&layer].iter().find(|(left, right)| (*left..=*right).contains(&line[0].x));
                assert_eq!(hit, None, "a line goes through a box of layer {layer}");
            }
        }
    }
}

proptest! {
    #[test]
    fn boxes_do_not_overlap_and_edges_go_down((sizes, edges) in graphs()) {
        let done = layout(&sizes, &edges);
        check(&sizes, &edges, &done);
        prop_assert_eq!(done, layout(&sizes, &edges));
    }
}

#[test]
fn a_cycle_is_drawn_without_what_closes_it() {
    let sizes = [Size { width: 40, height: 20 }; 4];
    let done = layout(&sizes, &[(0, 1), (1, 2), (2, 1), (3, 3)]);
    assert_eq!(done.routes.iter().map(Vec::len).collect::<Vec<_>>(), [4, 0, 4, 0]);
}

/// Edges that would need 7,500,000 bends: they end as curves across the layers.
#[test]
fn long_edges_have_a_budget() {
    let sizes = vec![Size { width: 40, height: 20 }; 11_000];
    let chain = (0..999).map(|at| (at, at + 1));
    let edges: Edges = chain.chain((1_000..11_000).flat_map(|at| [(0, at), (at % 500, at), (at, 999)])).collect();
    let done = layout(&sizes, &edges);
    assert_eq!(done.spots.iter().map(|spot| spot.layer).max(), Some(999));
    let points: usize = done.routes.iter().map(Vec::len).sum();
    assert!(points < 4 * edges.len() + 2 * 200_000, "{points}");
}

/// How long it takes is printed: `cargo test --release -p ork-graph -- --nocapture ten_thousand`.
#[test]
fn ten_thousand_nodes_are_laid_out() {
    let mut bits = 7_u64;
    let mut below = |most: u64| {
        // Knuth's MMIX: a test needs no better one.
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((bits >> 33) % most) as u32
    };
    let sizes = vec![Size { width: 120, height: 40 }; 10_000];
    let mut far = Edges::new();
    let mut near = Edges::new();
    for node in 3..10_000_u32 {
        far.extend((0..3).map(|_| (below(u64::from(node)), node)));
        near.extend((0..3).map(|_| (node - 1 - below(u64::from(node.min(200))), node)));
    }
    print_time("parents anywhere", &sizes, &far);
    print_time("parents among the last 200", &sizes, &near);
}

#[expect(clippy::disallowed_methods, reason = "measures, and decides nothing by it")]
fn print_time(name: &str, sizes: &[Size], edges: &Edges) {
    let start = std::time::Instant::now();
    let done = layout(sizes, edges);
    println!("10,000 nodes, {name}: {} ms, {} x {}", start.elapsed().as_millis(), done.width, done.height);
    assert_eq!((done.spots.len(), done.routes.len()), (sizes.len(), edges.len()));
}
