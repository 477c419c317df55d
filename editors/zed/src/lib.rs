//! Starts `arazzo lsp` for Arazzo documents in Zed.

use zed_extension_api::settings::LspSettings;
use zed_extension_api::{self as zed, Command, LanguageServerId, Result, Worktree, serde_json};

/// The name of the server in extension.toml, and in settings under `lsp`.
const SERVER: &str = "arazzo";

struct Arazzo;

impl zed::Extension for Arazzo {
    fn new() -> Self {
        Self
    }

    /// The command of the settings (`lsp.arazzo.binary.path`), else the one on the PATH.
    fn language_server_command(&mut self, _: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let own = LspSettings::for_worktree(SERVER, worktree)?.binary;
        let (path, arguments) = own.map_or((None, None), |own| (own.path, own.arguments));
        let command = path.or_else(|| worktree.which("arazzo")).ok_or_else(|| {
            "the command arazzo is not on the PATH: install it, or set lsp.arazzo.binary.path to where it is".to_owned()
        })?;
        let args = arguments.unwrap_or_else(|| vec!["lsp".to_owned()]);
        Ok(Command { command, args, env: worktree.shell_env() })
    }

    /// `lsp.arazzo.initialization_options`, such as `{ "hints": true }`.
    fn language_server_initialization_options(
        &mut self,
        _: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<serde_json::Value>> {
        Ok(LspSettings::for_worktree(SERVER, worktree)?.initialization_options)
    }
}

zed::register_extension!(Arazzo);
