//! Functions of interfaces, from the short form to the text format.

use std::fmt;

/// A function's type, taken apart.
pub(crate) struct Function {
    pub(crate) name: &'static str,
    pub(crate) is_async: bool,
    /// Names and types, `self` among them.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) result: Option<String>,
}

impl Function {
    pub(crate) fn parse(spec: &'static str) -> Self {
        let (is_async, spec) = match spec.strip_prefix("async ") {
            Some(spec) => (true, spec),
            None => (false, spec),
        };
        let (name, rest) = spec.split_once('(').unwrap_or((spec, ")"));
        let (params, result) = match rest.split_once(") -> ") {
            Some((params, result)) => (params, Some(result.to_owned())),
            None => (rest.trim_end_matches(')'), None),
        };
        let method = name.strip_prefix("[method]");
        let own = method
            .and_then(resource_of)
            .map(|id| ("self".to_owned(), format!("(borrow ${id})")));
        let params = params.split(", ").filter_map(|it| it.split_once(": "));
        Function {
            name,
            is_async,
            params: own
                .into_iter()
                .chain(params.map(|(name, ty)| (name.to_owned(), ty.to_owned())))
                .collect(),
            result,
        }
    }
}

/// What `RESOURCE.FUNCTION` or `RESOURCE` is about.
pub(crate) fn resource_of(name: &str) -> Option<&str> {
    name.split('.').next()
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_async { " async" } else { "" };
        write!(f, "(func{word}")?;
        for (name, ty) in &self.params {
            write!(f, " (param \"{name}\" {ty})")?;
        }
        match &self.result {
            Some(ty) => write!(f, " (result {ty}))"),
            None => f.write_str(")"),
        }
    }
}
