//! What an editor may ask: one line for each.

use gen_lsp_types::{
    CodeActionRequest, CodeLensRequest, CompletionRequest, DefinitionRequest, DocumentFormattingRequest,
    HoverRequest, LspRequestMethod, PrepareRenameRequest, ReferencesRequest, RenameRequest, Request,
};
use lsp_server::{ErrorCode, ResponseError};
use serde_json::Value;

use super::world::World;

/// All abilities.
pub(super) const ABILITIES: &[Ability] = &[
    Ability::of::<CompletionRequest>(),
    Ability::of::<HoverRequest>(),
    Ability::of::<DefinitionRequest>(),
    Ability::of::<ReferencesRequest>(),
    Ability::of::<PrepareRenameRequest>(),
    Ability::of::<RenameRequest>(),
    Ability::of::<CodeActionRequest>(),
    Ability::of::<CodeLensRequest>(),
    Ability::of::<DocumentFormattingRequest>(),
];

/// How a request is answered.
pub(super) trait Answer: Request {
    /// Whether it may take long: it is then answered while others are.
    const IS_SLOW: bool = false;

    /// The answer.
    ///
    /// # Errors
    /// What the editor shows, if it can't be done.
    fn answer(world: &World, params: Self::Params) -> Result<Self::Result, String>;
}

/// A kind of request, and how it is answered.
pub(super) struct Ability {
    pub method: LspRequestMethod<'static>,
    pub is_slow: bool,
    answer: fn(&World, Value) -> Result<Value, ResponseError>,
}

impl Ability {
    const fn of<A: Answer>() -> Self {
        Self {
            method: A::METHOD,
            is_slow: A::IS_SLOW,
            answer: |world, params| {
                let params = serde_json::from_value(params)
                    .map_err(|wrong| error(ErrorCode::InvalidParams, wrong.to_string()))?;
                let answer = A::answer(world, params).map_err(|why| error(ErrorCode::RequestFailed, why))?;
                serde_json::to_value(answer)
                    .map_err(|wrong| error(ErrorCode::InternalError, wrong.to_string()))
            },
        }
    }

    /// The ability that a method names.
    pub(super) fn named(method: &str) -> Option<&'static Self> {
        ABILITIES.iter().find(|ability| ability.method.as_str() == method)
    }

    /// Answers a request. What panics is an error, and harms no other request.
    pub(super) fn answer(&self, world: &World, params: Value) -> Result<Value, ResponseError> {
        let answered =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (self.answer)(world, params)));
        answered.unwrap_or_else(|_| {
            let message = format!("Kiln failed at `{}`, which is a mistake of its own", self.method.as_str());
            Err(error(ErrorCode::InternalError, message))
        })
    }
}

/// An error as the protocol has it.
pub(super) fn error(code: ErrorCode, message: String) -> ResponseError {
    ResponseError { code: code as i32, message, data: None }
}
