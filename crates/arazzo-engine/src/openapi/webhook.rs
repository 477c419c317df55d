//! Webhooks: requests that the server of a description sends (OpenAPI 3.1 and later). The path of such an operation is the
//! name of its webhook.

use crate::node::{Key, Node};
use crate::value::Pointer;

use super::{Api, Operation};

impl<'a> Api<'a> {
    fn webhook_items(self) -> &'a [(Key, Node)] {
        self.root.get("webhooks").map(Node::members).unwrap_or_default()
    }

    /// The operations of its webhooks, in the order of the document.
    pub fn webhooks(self) -> impl Iterator<Item = Operation<'a>> {
        self.webhook_items().iter().flat_map(move |(name, item)| self.of_path(name, item))
    }

    /// The operations at a pointer to a webhook, or to an operation of one: `/webhooks/newPet`, `/webhooks/newPet/post`.
    #[must_use]
    pub fn webhooks_at(self, pointer: &Pointer) -> Vec<Operation<'a>> {
        let (name, method) = match pointer.tokens() {
            [webhooks, name] if webhooks == "webhooks" => (name, None),
            [webhooks, name, method] if webhooks == "webhooks" => (name, Some(method)),
            _ => return vec![],
        };
        let is = |operation: &Operation<'a>| {
            operation.path == name && method.is_none_or(|method| operation.method == method)
        };
        self.webhooks().filter(is).collect()
    }
}

impl Operation<'_> {
    /// The status by which it is said that a request was taken: the first of success that is described, else 200.
    #[must_use]
    pub fn accepted_status(&self) -> u16 {
        let statuses = self.response_nodes().iter().filter_map(|(status, _)| status.name.parse().ok());
        statuses.into_iter().find(|status| (200..300).contains(status)).unwrap_or(200)
    }
}
