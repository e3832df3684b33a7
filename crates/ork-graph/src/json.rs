//! JSON, for programs that draw themselves.

use std::collections::BTreeMap;

use ork_core::state::{RunStatus, TaskStatus};
use serde_json::{Map, Value, json};

use crate::graph::{Graph, Node};
use crate::states::States;
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

    /// Reads what [`Self::to_json`] wrote; places are made anew. `None` for anything else.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let nodes = value["nodes"].as_array()?;
        let key = |node: &Value| node["key"].as_str().map(str::to_owned);
        let keys: BTreeMap<String, u32> =
            (0..).zip(nodes).map(|(at, node)| Some((key(node)?, at))).collect::<Option<_>>()?;
        let read = |node: &Value| {
            let needs = node["depends_on"].as_array()?.iter();
            let count = |(word, count): (&String, &Value)| {
                Some((TaskStatus::from_word(word)?, u32::try_from(count.as_u64()?).ok()?))
            };
            Some(Node {
                key: key(node)?,
                depends_on: needs.map(|parent| keys.get(parent.as_str()?).copied()).collect::<Option<_>>()?,
                is_fan_out: node["fan_out"].as_bool()?,
                size: optional(&node["size"], |size| size.as_u64()?.try_into().ok())?,
                when: optional(&node["when"], |when| when.as_str().map(str::to_owned))?,
                run_if: optional(&node["run_if"], |run_if| serde_json::from_value(run_if.clone()).ok())?,
                states: optional(&node["tasks"], |tasks| {
                    tasks.as_object()?.iter().map(count).collect::<Option<_>>().map(States::of)
                })?,
            })
        };
        Some(Self {
            name: value["name"].as_str()?.to_owned(),
            status: optional(&value["status"], |word| RunStatus::from_word(word.as_str()?))?,
            nodes: nodes.iter().map(read).collect::<Option<_>>()?,
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

/// What may be null; `None` when it is neither that nor what it should be.
fn optional<T>(value: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Option<T>> {
    if value.is_null() { Some(None) } else { read(value).map(Some) }
}
