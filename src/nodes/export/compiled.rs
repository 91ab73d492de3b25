//! What other companies' compilers make of exported networks.

use super::{Export, Proof, model_of, steps};
use crate::{
    error::{Error, Result},
    export::{Compiler, Content, External, Format, Verification, workplace},
    node::Context,
    shown,
};

impl Export {
    /// Gives a compiler what it makes `format` of. That input is proven; what comes out is not run.
    pub(super) fn compiled(
        &self,
        cx: &Context<'_>,
        (format, compiler): (&'static Format, &'static Compiler),
        proof: &Proof,
    ) -> Result<Verification> {
        let Content::Network(network) = &compiler.input.content else {
            return Err(Error::new(format!("{} is made of no network", format.file)));
        };
        let (folder, eval) = (workplace(cx.scratch, format.name)?, steps(&proof.classifier));
        let mut model = model_of(&proof.classifier, &eval, self.options())?;
        model.options = Compiler::input_options(model.options);
        let mut found = proof.of_network(cx, (compiler.input, network), &model, &folder)?;
        compiler.make((format, self.options()), &model, (&folder, cx.out), &cx.progress)?;
        tell(cx, compiler.program, format.file, found.file);
        compiler.remark.into_iter().for_each(|remark| cx.progress.warn(format!("{}: {remark}", format.file)));
        found.compiled_by = Some(compiler.program);
        Ok(found)
    }

    /// Gives the program that the user names one of the files, which was proven before.
    pub(super) fn external(&self, cx: &Context<'_>, external: &External, proof: &Proof) -> Result<()> {
        let Content::Network(network) = &external.input.content else {
            return Err(Error::new("the input of `external` is no network"));
        };
        let (folder, eval) = (workplace(cx.scratch, "external")?, steps(&proof.classifier));
        let model = model_of(&proof.classifier, &eval, self.options())?;
        (network.write)(&model)?.iter().try_for_each(|file| file.write(&folder))?;
        external.make(&model, (&folder, cx.out), &cx.progress)?;
        tell(cx, external.program().unwrap_or_default(), &external.output, external.input.file);
        Ok(())
    }
}

fn tell(cx: &Context<'_>, program: &str, made: &str, input: &str) {
    let line = format!("{} made {} of {input}", shown::text(program), shown::text(made));
    cx.progress.note(format!("{line}; it was not run by Kiln: there is no such hardware here"));
}
