//! A plan in the language of Graphviz.

use super::Plan;

/// The graph: a box a node, an arrow a reference.
pub(super) fn of(plan: &Plan) -> String {
    let mut lines = vec![format!("digraph {} {{", quoted(&plan.name))];
    lines.push("  rankdir=LR;".to_owned());
    lines.push("  node [shape=box, style=rounded, fontname=\"sans-serif\"];".to_owned());
    for step in plan.steps() {
        let label = quoted(&format!("{}\n{}", step.id, step.kind.name));
        lines.push(format!("  {} [label={label}];", quoted(&step.id)));
    }
    for step in plan.steps() {
        for (port, input) in &step.inputs {
            let producer = quoted(&plan.steps()[*input].id);
            lines.push(format!("  {producer} -> {} [label={}];", quoted(&step.id), quoted(port)));
        }
    }
    lines.push("}\n".to_owned());
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
