//! Nodes that need each other: the shortest way round, edge by edge.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use petgraph::{algo::tarjan_scc, graph::NodeIndex, visit::EdgeRef};

use super::graph::Graph;
use crate::{
    spec::{DocPath, DraftNode, Place, Problem, codes},
    suggest,
};

/// From how many nodes of a knot the shortest cycle is looked for.
const STARTS: usize = 100;
/// How many references of a cycle are shown.
const EDGES: usize = 12;

/// One problem for each knot of nodes, with its shortest cycle; the shortest first.
pub(super) fn problems(nodes: &[DraftNode], graph: &Graph) -> Vec<Problem> {
    let mut knots: Vec<Vec<NodeIndex>> = tarjan_scc(&graph.0);
    knots.iter_mut().for_each(|knot| knot.sort());
    let mut cycles: Vec<(Vec<usize>, usize)> = knots
        .iter()
        .filter_map(|knot| {
            let cycle = shortest(graph, knot)?;
            let nodes_beside = knot.len() - cycle.len();
            Some((cycle, nodes_beside))
        })
        .collect();
    cycles.sort_by_key(|(cycle, _)| (cycle.len(), cycle[0]));
    cycles.iter().map(|(cycle, beside)| problem(nodes, graph, cycle, *beside)).collect()
}

/// The shortest cycle inside a knot: each node needs the next, the last the first.
fn shortest(graph: &Graph, knot: &[NodeIndex]) -> Option<Vec<usize>> {
    let members: BTreeSet<NodeIndex> = knot.iter().copied().collect();
    let cycles = knot.iter().take(STARTS).filter_map(|start| round_trip(graph, &members, *start));
    cycles.min_by_key(|cycle| (cycle.len(), cycle.clone()))
}

/// The shortest way from `start` back to itself, along what each node needs.
fn round_trip(graph: &Graph, knot: &BTreeSet<NodeIndex>, start: NodeIndex) -> Option<Vec<usize>> {
    let mut came_from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        let mut needs: Vec<NodeIndex> = graph
            .0
            .edges_directed(node, petgraph::Direction::Incoming)
            .map(|edge| edge.source())
            .filter(|producer| knot.contains(producer))
            .collect();
        needs.sort();
        for producer in needs {
            if producer == start {
                return Some(unwind(&came_from, start, node));
            }
            came_from.entry(producer).or_insert_with(|| {
                queue.push_back(producer);
                node
            });
        }
    }
    None
}

fn unwind(came_from: &BTreeMap<NodeIndex, NodeIndex>, start: NodeIndex, last: NodeIndex) -> Vec<usize> {
    let mut cycle = vec![last];
    let mut node = last;
    while node != start {
        node = came_from[&node];
        cycle.push(node);
    }
    cycle.reverse();
    cycle.into_iter().map(NodeIndex::index).collect()
}

fn problem(nodes: &[DraftNode], graph: &Graph, cycle: &[usize], beside: usize) -> Problem {
    let names: Vec<&str> = cycle.iter().map(|node| nodes[*node].id.as_str()).collect();
    let mut edges = (0..cycle.len()).map(|i| {
        let (consumer, producer) = (i, (i + 1) % cycle.len());
        let port = port(graph, cycle[producer], cycle[consumer]);
        let place = Place::Value(DocPath::from(["nodes", names[consumer], port]));
        (place, format!("`{}` needs `{}` here", names[consumer], names[producer]))
    });
    let (at, label) = edges.next().expect("a cycle has an edge");
    let message = match names[..] {
        [one] => format!("node `{one}` refers to itself"),
        [..] if names.len() > EDGES => format!("{} nodes need each other in a circle", names.len()),
        _ => format!("nodes {} need each other", suggest::list(&names, "and", "none")),
    };
    let mut problem = Problem::new(codes::CYCLE, at, message).label(label);
    problem.related = edges.take(EDGES - 1).collect();
    problem.help(match beside {
        0 => "let one of them refer to another node".to_owned(),
        1 => "let one of them refer to another node; 1 more node is on other cycles with these".to_owned(),
        more => {
            format!("let one of them refer to another node; {more} more nodes are on other cycles with these")
        }
    })
}

/// The port by which `consumer` needs `producer`.
fn port(graph: &Graph, producer: usize, consumer: usize) -> &str {
    let edge = graph.0.find_edge(NodeIndex::new(producer), NodeIndex::new(consumer));
    &graph.0[edge.expect("the edge was walked")]
}
