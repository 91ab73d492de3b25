//! A network under construction: layers are added one by one, each gives where its results come out.

use half::f16;

use super::{
    element::Element,
    ir::{Edge, Layer, Net, Port},
};
use crate::export::{Precision, free_names::Names, lowered::Constant};

/// A constant begins at a multiple of so many bytes, so that an engine can use it where it lies.
const ALIGNMENT: usize = 64;

/// Where a tensor comes out: what an edge begins at, and its kind and sizes.
#[derive(Debug, Clone)]
pub(super) struct Source {
    at: (usize, usize),
    element: Element,
    pub(super) dims: Vec<i64>,
}

/// What a layer does: its kind and the set of operations that defines it.
pub(super) type Kind = (&'static str, &'static str);

/// Layers so far, and the numbers of their constants.
#[derive(Default)]
pub(super) struct Graph {
    net: Net,
    numbers: Vec<u8>,
    names: Names,
}

impl Graph {
    /// Adds a layer of the module `at`; what comes out, of these sizes.
    pub(super) fn layers(
        &mut self,
        at: &str,
        kind: Kind,
        data: &[(&str, String)],
        inputs: &[&Source],
        outputs: &[Vec<i64>],
    ) -> Vec<Source> {
        let name = if at.is_empty() { kind.0.to_owned() } else { format!("{at}/{}", kind.0) };
        self.add(&name, kind, data, inputs, outputs, Element::F32)
    }

    /// Adds a layer with one result.
    pub(super) fn layer(
        &mut self,
        at: &str,
        kind: Kind,
        data: &[(&str, String)],
        inputs: &[&Source],
        dims: &[i64],
    ) -> Source {
        self.layers(at, kind, data, inputs, &[dims.to_vec()]).swap_remove(0)
    }

    /// Adds a layer whose name is taken as it is, if no other has it.
    fn add(
        &mut self,
        name: &str,
        (kind, version): Kind,
        data: &[(&str, String)],
        inputs: &[&Source],
        outputs: &[Vec<i64>],
        element: Element,
    ) -> Vec<Source> {
        let id = self.net.layers.len();
        let edge = |(port, input): (usize, &&Source)| Edge { from: input.at, to: (id, port) };
        self.net.edges.extend(inputs.iter().enumerate().map(edge));
        let place = |(port, dims): (usize, &Vec<i64>)| Source {
            at: (id, inputs.len() + port),
            element,
            dims: dims.clone(),
        };
        let sources: Vec<Source> = outputs.iter().enumerate().map(place).collect();
        let layer = Layer {
            id,
            name: self.names.free(name),
            kind: kind.to_owned(),
            version: version.to_owned(),
            data: data.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect(),
            inputs: inputs.iter().enumerate().map(|(port, input)| input.port(port)).collect(),
            outputs: sources.iter().map(|source| source.port(source.at.1)).collect(),
        };
        self.net.layers.push(layer);
        sources
    }

    /// Adds constant numbers in another shape than their own; those of 16 bits are made 32 again by a layer.
    pub(super) fn floats(&mut self, constant: &Constant, shape: &[usize]) -> Source {
        let Constant { name, data, precision, .. } = constant;
        match precision {
            Precision::Fp32 => {
                let bytes = data.iter().flat_map(|x| x.to_le_bytes()).collect();
                self.constant(name, Element::F32, shape, bytes)
            }
            Precision::Fp16 => {
                let bytes = data.iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect();
                let half = self.constant(name, Element::F16, shape, bytes);
                let wide = [("destination_type", Element::F32.name().to_owned())];
                self.layer(name, ("Convert", "opset1"), &wide, &[&half], &half.dims.clone())
            }
        }
    }

    /// Adds whole numbers in a row.
    pub(super) fn whole(&mut self, name: &str, numbers: &[i64]) -> Source {
        let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.constant(name, Element::I64, &[numbers.len()], bytes)
    }

    /// Adds a whole number by itself.
    pub(super) fn scalar(&mut self, name: &str, number: i64) -> Source {
        self.constant(name, Element::I64, &[], number.to_le_bytes().to_vec())
    }

    fn constant(&mut self, name: &str, element: Element, shape: &[usize], bytes: Vec<u8>) -> Source {
        let offset = self.numbers.len().next_multiple_of(ALIGNMENT);
        self.numbers.resize(offset, 0);
        let data = [
            ("element_type", element.name().to_owned()),
            ("shape", listed(shape)),
            ("offset", offset.to_string()),
            ("size", bytes.len().to_string()),
        ];
        self.numbers.extend(bytes);
        let dims = shape.iter().map(|size| *size as i64).collect();
        self.add(name, ("Const", "opset1"), &data, &[], &[dims], element).swap_remove(0)
    }

    /// The images, which programs call `name`.
    pub(super) fn input(&mut self, name: &str, dims: Vec<i64>) -> Source {
        let data = [("shape", listed(&dims)), ("element_type", Element::F32.name().to_owned())];
        let source =
            self.add(name, ("Parameter", "opset1"), &data, &[], &[dims], Element::F32).swap_remove(0);
        self.call(&source, name);
        source
    }

    /// The finished network, which gives what comes out here, under this name; and its constants' numbers.
    pub(super) fn finish(mut self, output: &Source, name: &str) -> (Net, Vec<u8>) {
        self.call(output, name);
        self.add(&format!("{name}/result"), ("Result", "opset1"), &[], &[output], &[], Element::F32);
        (self.net, self.numbers)
    }

    /// Says what programs call a tensor.
    fn call(&mut self, source: &Source, name: &str) {
        let outputs = &mut self.net.layers[source.at.0].outputs;
        outputs
            .iter_mut()
            .filter(|port| port.id == source.at.1)
            .for_each(|port| port.names = Some(name.to_owned()));
    }
}

impl Source {
    /// It at a port of this number.
    fn port(&self, id: usize) -> Port {
        Port { id, precision: self.element.precision().to_owned(), names: None, dims: self.dims.clone() }
    }
}

/// Numbers as a layer lists them: `1,3,64,64`.
pub(super) fn listed<T: ToString>(numbers: &[T]) -> String {
    numbers.iter().map(T::to_string).collect::<Vec<_>>().join(",")
}
