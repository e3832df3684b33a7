//! JSON, for programs that draw themselves.

use serde_json::{Map, Value, json};

use crate::graph::{Graph, Node};
use crate::svg;

impl Graph {
    /// One object: `nodes` with their boxes in pixels from the upper left corner, `edges` with the points of their way.
    /// A way is a vertical line, a curve, a vertical line, and so on; it starts and ends with a vertical line.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (edges, sizes, layout) = svg::lay_out(self);
        let nodes = self.nodes.iter().zip(&sizes).zip(&layout.spots).map(|((node, size), spot)| {
            let mut value = self.node_json(node);
            value["layer"] = spot.layer.into();
            value["x"] = spot.x.into();
            value["y"] = spot.y.into();
            value["width"] = size.width.into();
            value["height"] = size.height.into();
            value
        });
        let key = |position: u32| self.nodes[position as usize].key.as_str();
        let edges = edges.iter().zip(&layout.routes).map(|((from, to), route)| {
            let points: Vec<Value> = route.iter().map(|point| json!([point.x, point.y])).collect();
            json!({"from": key(*from), "to": key(*to), "points": points})
        });
        json!({
            "name": self.name,
            "status": self.status.map(|status| status.word()),
            "width": layout.width,
            "height": layout.height,
            "nodes": nodes.collect::<Vec<Value>>(),
            "edges": edges.collect::<Vec<Value>>(),
        })
    }

    fn node_json(&self, node: &Node) -> Value {
        let needs = node.depends_on.iter().filter_map(|parent| self.nodes.get(*parent as usize));
        let tasks = node.states.as_ref().map(|states| {
            states.counts().map(|(status, count)| (status.word().to_owned(), count.into())).collect::<Map<_, _>>()
        });
        json!({
            "key": node.key,
            "depends_on": needs.map(|parent| parent.key.as_str()).collect::<Vec<&str>>(),
            "fan_out": node.is_fan_out,
            "size": node.size,
            "when": node.when,
            "run_if": node.run_if,
            "status": node.states.as_ref().map(|states| states.overall().word()),
            "tasks": tasks,
        })
    }
}
