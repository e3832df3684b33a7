//! Layers: each box below all that it needs.

use super::mesh::Links;

/// The layer of each box: the length of the longest way to it, or further down where that shortens more edges than it
/// lengthens. Boxes on a cycle are in the first layer, or below what is not on it.
pub fn assign(boxes: usize, edges: &[(u32, u32)]) -> Vec<u32> {
    let children = Links::new(boxes, edges.iter().copied());
    let parents = Links::new(boxes, edges.iter().map(|(from, to)| (*to, *from)));
    let mut layer = vec![0_u32; boxes];
    let order = downwards(&children, &parents, &mut layer);
    // Long edges are what makes a picture hard to read, and a box without parents would always have them.
    for &node in order.iter().rev() {
        let nearest = children.of(node).iter().map(|child| layer[*child as usize]).min();
        if let Some(nearest) = nearest
            && children.of(node).len() > parents.of(node).len()
            && nearest > 0
        {
            layer[node as usize] = nearest - 1;
        }
    }
    layer
}

/// Boxes in an order in which each comes after its parents, with the longest way to each in `layer`.
fn downwards(children: &Links, parents: &Links, layer: &mut [u32]) -> Vec<u32> {
    let mut open: Vec<usize> = (0_u32..).zip(&*layer).map(|(node, _)| parents.of(node).len()).collect();
    let mut order: Vec<u32> = (0_u32..).zip(&open).filter(|(_, open)| **open == 0).map(|(node, _)| node).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &child in children.of(node) {
            let at = child as usize;
            layer[at] = layer[at].max(layer[node as usize] + 1);
            open[at] -= 1;
            if open[at] == 0 {
                order.push(child);
            }
        }
    }
    order
}
