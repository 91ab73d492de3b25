//! A network as XML.

use quick_xml::escape::escape;

use super::ir::{Edge, Layer, Net, Port};

/// The version of the file's structure; programs since 2022 read it.
const VERSION: &str = "11";

/// The text of a network of this name.
pub(super) fn text(net: &Net, name: &str) -> String {
    let layers: String = net.layers.iter().map(layer).collect();
    let edges: String = net.edges.iter().map(edge).collect();
    let attributes = attributes(&[("name", name), ("version", VERSION)]);
    format!(
        "<?xml version=\"1.0\"?>\n<net{attributes}>\n\t<layers>\n{layers}\t</layers>\n\t<edges>\n{edges}\t</edges>\n</net>\n"
    )
}

fn layer(Layer { id, name, kind, version, data, inputs, outputs }: &Layer) -> String {
    let own = attributes(&[("id", &id.to_string()), ("name", name), ("type", kind), ("version", version)]);
    let data: Vec<(&str, &str)> = data.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let data = if data.is_empty() { String::new() } else { format!("\t\t\t<data{} />\n", attributes(&data)) };
    let (inputs, outputs) = (ports("input", inputs), ports("output", outputs));
    format!("\t\t<layer{own}>\n{data}{inputs}{outputs}\t\t</layer>\n")
}

/// The ports on one side of a layer, if there are any.
fn ports(side: &str, ports: &[Port]) -> String {
    if ports.is_empty() {
        return String::new();
    }
    let ports: String = ports.iter().map(port).collect();
    format!("\t\t\t<{side}>\n{ports}\t\t\t</{side}>\n")
}

fn port(Port { id, precision, names, dims }: &Port) -> String {
    let id = id.to_string();
    let names = names.iter().map(|names| ("names", names.as_str()));
    let own: Vec<(&str, &str)> =
        [("id", id.as_str()), ("precision", precision)].into_iter().chain(names).collect();
    let dims: String = dims.iter().map(|size| format!("\t\t\t\t\t<dim>{size}</dim>\n")).collect();
    format!("\t\t\t\t<port{}>\n{dims}\t\t\t\t</port>\n", attributes(&own))
}

fn edge(Edge { from, to }: &Edge) -> String {
    let [from_layer, from_port, to_layer, to_port] =
        [from.0, from.1, to.0, to.1].map(|number| number.to_string());
    let ends =
        [("from-layer", from_layer), ("from-port", from_port), ("to-layer", to_layer), ("to-port", to_port)];
    format!("\t\t<edge{} />\n", attributes(&ends.each_ref().map(|(key, value)| (*key, value.as_str()))))
}

/// Attributes of an element, each behind a blank.
fn attributes(attributes: &[(&str, &str)]) -> String {
    attributes.iter().map(|(key, value)| format!(" {key}=\"{}\"", escape(*value))).collect()
}
