//! The mesh: boxes, and bends where an edge crosses a layer, linked from layer to layer only.

use std::ops::Range;

/// How many times the edges of one picture bend. The longest edges of one that would need more are single curves across
/// the layers: a plan of 500,000 edges that each cross 1,000 layers must end, too, and nobody could follow them anyway.
const BENDS_MAX: u64 = 200_000;

/// Vertices (boxes first, then bends) in layers. Edges out of one box share their bends, as a trunk shares its branches:
/// that is fewer lines to follow, and what a fan-out costs is the length of its longest edge.
pub struct Mesh {
    /// The layer of each vertex.
    pub layer: Vec<u32>,
    /// The vertices of each layer, from left to right.
    pub layers: Vec<Vec<u32>>,
    /// For each vertex those that it is linked to in the layer above.
    pub up: Links,
    /// The same, in the layer below.
    pub down: Links,
    /// Boxes; any vertex from here on is a bend.
    pub boxes: usize,
    /// For each box the first bend of its trunk.
    trunks: Vec<u32>,
    /// Layers that an edge with bends crosses at most.
    crossed_max: u32,
}

/// For each vertex a list of others.
pub struct Links {
    starts: Vec<usize>,
    ends: Vec<u32>,
}

impl Links {
    /// Lists the second of each pair under the first, in the order of the pairs.
    pub fn new(vertices: usize, pairs: impl Iterator<Item = (u32, u32)> + Clone) -> Self {
        let mut starts = vec![0; vertices + 1];
        for (from, _) in pairs.clone() {
            starts[from as usize + 1] += 1;
        }
        for at in 0..vertices {
            starts[at + 1] += starts[at];
        }
        let mut free = starts.clone();
        let mut ends = vec![0; starts[vertices]];
        for (from, to) in pairs {
            ends[free[from as usize]] = to;
            free[from as usize] += 1;
        }
        Self { starts, ends }
    }

    /// The list of one vertex.
    pub fn of(&self, vertex: u32) -> &[u32] {
        &self.ends[self.starts[vertex as usize]..self.starts[vertex as usize + 1]]
    }

    /// How many links there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

impl Mesh {
    /// Boxes in these layers. Edges that do not go down are left out.
    pub fn new(mut layer: Vec<u32>, edges: &[(u32, u32)]) -> Self {
        let boxes = layer.len();
        let crossed_max = crossed_max(&layer, edges);
        let mut reach = vec![0; boxes];
        for &(from, to) in edges {
            let crossed = crossed(&layer, from, to).filter(|crossed| *crossed <= crossed_max).unwrap_or(0);
            reach[from as usize] = crossed.max(reach[from as usize]);
        }
        let mut links = Vec::with_capacity(edges.len());
        let mut trunks = Vec::with_capacity(boxes);
        for (source, reach) in (0_u32..).zip(reach) {
            trunks.push(layer.len() as u32);
            let mut above = source;
            for _ in 0..reach {
                let bend = layer.len() as u32;
                links.push((above, bend));
                layer.push(layer[above as usize] + 1);
                above = bend;
            }
        }
        let none = || Links { starts: Vec::new(), ends: Vec::new() };
        let mut mesh = Self { layer, layers: Vec::new(), up: none(), down: none(), boxes, trunks, crossed_max };
        for &(from, to) in edges {
            let Some(bends) = mesh.bends(from, to) else { continue };
            let last = bends.last().unwrap_or(from);
            if mesh.layer[last as usize] + 1 == mesh.layer[to as usize] {
                links.push((last, to));
            }
        }
        mesh.layers = vec![Vec::new(); mesh.layer.iter().max().map_or(0, |deepest| *deepest as usize + 1)];
        for (vertex, layer) in (0_u32..).zip(&mesh.layer) {
            mesh.layers[*layer as usize].push(vertex);
        }
        mesh.down = Links::new(mesh.layer.len(), links.iter().copied());
        mesh.up = Links::new(mesh.layer.len(), links.iter().map(|(from, to)| (*to, *from)));
        mesh
    }

    /// The bends of an edge, none if it is short or too long; `None` if it does not go down.
    pub fn bends(&self, from: u32, to: u32) -> Option<Range<u32>> {
        let crossed = crossed(&self.layer, from, to)?;
        let first = self.trunks[from as usize];
        Some(first..first + if crossed <= self.crossed_max { crossed } else { 0 })
    }

    /// Whether a vertex is a bend.
    pub const fn is_bend(&self, vertex: u32) -> bool {
        vertex as usize >= self.boxes
    }
}

/// Layers between the ends of an edge that goes down.
fn crossed(layer: &[u32], from: u32, to: u32) -> Option<u32> {
    layer[to as usize].checked_sub(layer[from as usize] + 1)
}

/// The most layers that an edge may cross, so that all that cross as many or fewer are within the budget.
fn crossed_max(layer: &[u32], edges: &[(u32, u32)]) -> u32 {
    let mut all: Vec<u32> = edges.iter().filter_map(|(from, to)| crossed(layer, *from, *to)).collect();
    all.sort_unstable();
    let mut bends = 0;
    let over = all.iter().find(|crossed| {
        bends += u64::from(**crossed);
        bends > BENDS_MAX
    });
    over.map_or(u32::MAX, |crossed| crossed - 1)
}
