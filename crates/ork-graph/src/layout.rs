//! Where boxes and lines go: a layered layout, top to bottom, after Sugiyama, Tagawa and Toda (1981).
//!
//! Four steps, one file each: layers (every edge goes down), the mesh (long edges get a bend in each layer that they
//! cross), order (few crossings), place (coordinates). Everything is counted and nothing is timed, so that equal graphs
//! give equal pictures; the work grows with n log n, because bends and sweeps have budgets.

mod layers;
mod mesh;
mod order;
mod place;

use mesh::Mesh;

/// A box to place, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// From left to right.
    pub width: i32,
    /// From top to bottom.
    pub height: i32,
}

/// Where a box is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spot {
    /// Its left side.
    pub x: i32,
    /// Its upper side.
    pub y: i32,
    /// Its layer, counted from the top.
    pub layer: u32,
}

/// A point of an edge's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
}

/// A finished layout. It begins at (0, 0), without a margin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Of the whole.
    pub width: i32,
    /// Of the whole.
    pub height: i32,
    /// Of each box, in the order given.
    pub spots: Vec<Spot>,
    /// The way of each edge, in the order given: an even number of points, of which the 1st and 2nd, the 3rd and 4th, …
    /// are the ends of vertical lines, with curves between them. Empty for an edge that closes a cycle.
    pub routes: Vec<Vec<Point>>,
}

/// Pixels between two layers, where edges curve.
const LAYER_GAP: i32 = 44;

/// Places boxes and routes edges, which are (from, to) by position. No two boxes overlap and every edge goes down.
///
/// # Panics
/// When an edge names a box that is not there.
#[must_use]
pub fn layout(sizes: &[Size], edges: &[(u32, u32)]) -> Layout {
    let layer = layers::assign(sizes.len(), edges);
    let mut mesh = Mesh::new(layer, edges);
    order::untangle(&mut mesh);
    let middles = place::middles(&mesh, sizes);
    let tops = tops(&mesh, sizes);
    let spot = |((size, middle), layer): ((&Size, &i32), &u32)| {
        let (top, bottom) = tops[*layer as usize];
        Spot { x: middle - size.width / 2, y: top + (bottom - top - size.height) / 2, layer: *layer }
    };
    let spots: Vec<Spot> = sizes.iter().zip(&middles).zip(&mesh.layer).map(spot).collect();
    let route = |&(from, to): &(u32, u32)| {
        let Some(bends) = mesh.bends(from, to) else { return Vec::new() };
        let through = |vertex: u32| {
            let (top, bottom) = tops[mesh.layer[vertex as usize] as usize];
            let x = middles[vertex as usize];
            [Point { x, y: top }, Point { x, y: bottom }]
        };
        let ([_, leave], [enter, _]) = (through(from), through(to));
        let start = Point { y: spots[from as usize].y + sizes[from as usize].height, ..leave };
        let end = Point { y: spots[to as usize].y, ..enter };
        [start, leave].into_iter().chain(bends.flat_map(through)).chain([enter, end]).collect()
    };
    Layout {
        width: spots
            .iter()
            .zip(sizes)
            .map(|(spot, size)| spot.x + size.width)
            .chain(middles.iter().copied())
            .max()
            .unwrap_or(0),
        height: tops.last().map_or(0, |(_, bottom)| *bottom),
        routes: edges.iter().map(route).collect(),
        spots,
    }
}

/// The upper and the lower side of each layer.
fn tops(mesh: &Mesh, sizes: &[Size]) -> Vec<(i32, i32)> {
    let mut heights = vec![0; mesh.layers.len()];
    for (size, layer) in sizes.iter().zip(&mesh.layer) {
        let height = &mut heights[*layer as usize];
        *height = size.height.max(*height);
    }
    let mut top = 0;
    let side = |height: i32| {
        let sides = (top, top + height);
        top += height + LAYER_GAP;
        sides
    };
    heights.into_iter().map(side).collect()
}
