"""The features of `arazzo lsp`, by a client that others wrote: pytest-lsp. The exact answers are in tests/suite/lsp."""

import os
import sys

import pytest
import pytest_lsp
from lsprotocol import types
from pytest_lsp import ClientServerConfig, LanguageClient, client_capabilities

FLOW = """\
arazzo: 1.0.1
info: { title: Pets, version: '1' }
sourceDescriptions:
  - { name: pets, url: pets.yaml, type: openapi }
workflows:
  - workflowId: tour
    inputs: { type: object, properties: { limit: { type: integer } } }
    steps:
      - stepId: list
        operationId: pets.listPets
        parameters: [{ name: limit, in: query, value: $inputs.limit }]
        outputs: { first: $response.body#/id }
    outputs: { pet: $steps.list.outputs.first }
"""

PETS = """\
openapi: 3.1.0
info: { title: Pets, version: '1' }
paths:
  /pets:
    get:
      operationId: listPets
      summary: All pets
      parameters: [{ name: limit, in: query, schema: { type: integer } }]
      responses:
        '200':
          description: pets
          content: { application/json: { schema: { type: object, properties: { id: { type: string } } } } }
"""


@pytest_lsp.fixture(config=ClientServerConfig(server_command=[os.environ["ARAZZO_BIN"], "lsp"]))
async def client(lsp_client: LanguageClient, tmp_path):
    (tmp_path / "flow.yaml").write_text(FLOW)
    (tmp_path / "pets.yaml").write_text(PETS)
    lsp_client.folder = tmp_path
    lsp_client.flow = (tmp_path / "flow.yaml").as_uri()

    @lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)
    def watch(params: types.RegistrationParams):
        assert params.registrations[0].method == types.WORKSPACE_DID_CHANGE_WATCHED_FILES

    params = types.InitializeParams(
        capabilities=client_capabilities("visual-studio-code"),
        initialization_options={"commands": True},
        workspace_folders=[types.WorkspaceFolder(uri=tmp_path.as_uri(), name="pets")],
    )
    await lsp_client.initialize_session(params)
    document = types.TextDocumentItem(uri=lsp_client.flow, language_id="yaml", version=1, text=FLOW)
    lsp_client.text_document_did_open(types.DidOpenTextDocumentParams(text_document=document))
    yield
    await lsp_client.shutdown_session()


def at(text: str, skipped: int = 0) -> types.Position:
    """The place of the first character of a text in the workflow, behind its first occurrences."""
    offset = -1
    for _ in range(skipped + 1):
        offset = FLOW.index(text, offset + 1)
    before = FLOW[:offset]
    return types.Position(line=before.count("\n"), character=offset - (before.rfind("\n") + 1))


def document(client) -> types.TextDocumentIdentifier:
    return types.TextDocumentIdentifier(uri=client.flow)


async def diagnosed(client):
    while client.flow not in client.diagnostics or not client.diagnostics[client.flow]:
        await client.wait_for_notification("textDocument/publishDiagnostics")
    return client.diagnostics[client.flow]


@pytest.mark.asyncio
async def test_diagnostics_and_fixes(client):
    found = await diagnosed(client)
    assert [diagnostic.code for diagnostic in found] == ["source-dot-operation"]

    params = types.CodeActionParams(document(client), found[0].range, types.CodeActionContext(diagnostics=found))
    actions = await client.text_document_code_action_async(params)
    assert actions[0].kind == types.CodeActionKind.QuickFix and actions[0].is_preferred
    change = actions[0].edit.document_changes[0]
    assert change.text_document.version == 1
    assert "$sourceDescriptions." in change.edits[0].new_text


@pytest.mark.asyncio
async def test_hover(client):
    params = types.HoverParams(document(client), at("limit", 2))
    answer = await client.text_document_hover_async(params)
    assert "input `limit`: integer" in answer.contents.value
    params = types.HoverParams(document(client), at("operationId"))
    assert "operation" in (await client.text_document_hover_async(params)).contents.value


@pytest.mark.asyncio
async def test_definition_references_and_highlights(client):
    name = at("list.outputs")
    definition = await client.text_document_definition_async(types.DefinitionParams(document(client), name))
    assert definition.range.start == at("list")
    context = types.ReferenceContext(include_declaration=True)
    places = await client.text_document_references_async(types.ReferenceParams(context, document(client), name))
    assert len(places) == 2
    highlights = await client.text_document_document_highlight_async(
        types.DocumentHighlightParams(document(client), name)
    )
    assert len(highlights) == 2


@pytest.mark.asyncio
async def test_rename(client):
    name = at("list.outputs")
    prepared = await client.text_document_prepare_rename_async(types.PrepareRenameParams(document(client), name))
    assert prepared.placeholder == "list"
    edit = await client.text_document_rename_async(types.RenameParams(document(client), name, "all"))
    assert [change.new_text for change in edit.document_changes[0].edits] == ["all", "all"]


@pytest.mark.asyncio
async def test_symbols(client):
    symbols = await client.text_document_document_symbol_async(types.DocumentSymbolParams(document(client)))
    assert [symbol.name for symbol in symbols] == ["pets", "tour"]
    assert [symbol.name for symbol in symbols[1].children] == ["limit", "list", "pet"]


@pytest.mark.asyncio
async def test_completion(client):
    text = FLOW.replace("pets.listPets", "")
    change = types.TextDocumentContentChangeWholeDocument(text=text)
    identifier = types.VersionedTextDocumentIdentifier(uri=client.flow, version=2)
    client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
    place = at("pets.listPets")
    items = await client.text_document_completion_async(types.CompletionParams(document(client), place))
    assert [(item.label, item.detail) for item in items] == [("listPets", "GET /pets")]


@pytest.mark.asyncio
async def test_what_is_shown_around_a_text(client):
    document = types.TextDocumentIdentifier(uri=client.flow)
    loose = FLOW.replace("pets.listPets", "listPets").replace("{ title: Pets, version: '1' }", '{title: "Pets", version: "1"}')
    client.text_document_did_change(
        types.DidChangeTextDocumentParams(
            text_document=types.VersionedTextDocumentIdentifier(uri=client.flow, version=2),
            content_changes=[types.TextDocumentContentChangeWholeDocument(text=loose)],
        )
    )
    options = types.FormattingOptions(tab_size=2, insert_spaces=True)
    edits = await client.text_document_formatting_async(types.DocumentFormattingParams(document, options))
    assert len(edits) == 1 and edits[0].range.start.line == edits[0].range.end.line == 1
    folds = await client.text_document_folding_range_async(types.FoldingRangeParams(document))
    assert (5, 12) in [(fold.start_line, fold.end_line) for fold in folds]
    links = await client.text_document_document_link_async(types.DocumentLinkParams(document))
    assert [link.target.rsplit("/", 1)[1] for link in links] == ["pets.yaml"]
    lenses = await client.text_document_code_lens_async(types.CodeLensParams(document))
    assert [lens.command.command for lens in lenses] == ["arazzo.run", "arazzo.mock", "arazzo.replay", "arazzo.graph"]
    assert list(lenses[0].command.arguments) == [client.flow, "tour"]
    place = types.Position(line=20, character=0)
    everything = types.Range(start=types.Position(line=0, character=0), end=place)
    hints = await client.text_document_inlay_hint_async(types.InlayHintParams(document, everything))
    found = [(hint.label, hint.position.line) for hint in hints]
    assert found == [("GET /pets", 9), ("string", 11), ("string", 12)]


@pytest.mark.asyncio
async def test_expressions_lead_to_outputs_and_these_to_schemas(client):
    loose = FLOW.replace("pets.listPets", "listPets")
    identifier = types.VersionedTextDocumentIdentifier(uri=client.flow, version=2)
    change = types.TextDocumentContentChangeWholeDocument(text=loose)
    client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
    to_output = at("first", 1)
    place = await client.text_document_definition_async(types.DefinitionParams(document(client), to_output))
    assert place.uri == client.flow and place.range.start == at("first")
    member = at("id }")
    place = await client.text_document_definition_async(types.DefinitionParams(document(client), member))
    assert place.uri.endswith("pets.yaml")
    answer = await client.text_document_hover_async(types.HoverParams(document(client), member))
    assert "type: string" in answer.contents.value and "GET /pets" in answer.contents.value


@pytest.mark.asyncio
async def test_workspace_symbols(client):
    symbols = await client.workspace_symbol_async(types.WorkspaceSymbolParams(query="ls"))
    assert [(symbol.name, symbol.container_name) for symbol in symbols] == [("list", "tour")]


@pytest.mark.asyncio
async def test_a_rename_changes_the_test_file(client):
    (client.folder / "flow.test.yaml").write_text("cases: [{ name: a, expect: { path: [list] } }]\n")
    edit = await client.text_document_rename_async(types.RenameParams(document(client), at("list.outputs"), "all"))
    changed = {change.text_document.uri.rsplit("/", 1)[1]: change for change in edit.document_changes}
    assert sorted(changed) == ["flow.test.yaml", "flow.yaml"]
    assert changed["flow.test.yaml"].text_document.version is None


@pytest.mark.asyncio
async def test_missing_parameters_and_snippets(client):
    (client.folder / "pets.yaml").write_text(PETS.replace("in: query,", "in: query, required: true,"))
    text = FLOW.replace("pets.listPets", "listPets").replace("        parameters: [{ name: limit, in: query, value: $inputs.limit }]\n", "")
    client.text_document_did_save(types.DidSaveTextDocumentParams(document(client)))
    identifier = types.VersionedTextDocumentIdentifier(uri=client.flow, version=2)
    change = types.TextDocumentContentChangeWholeDocument(text=text)
    client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
    place = types.Range(start=at("pets.listPets"), end=at("pets.listPets"))
    context = types.CodeActionContext(diagnostics=[])
    actions = await client.text_document_code_action_async(types.CodeActionParams(document(client), place, context))
    assert [action.title for action in actions] == ["add the missing parameter `limit`"]
    assert "{ name: limit, in: query, value: $inputs.limit }" in actions[0].edit.document_changes[0].edits[0].new_text

    text = text.replace("        outputs: { first: $response.body#/id }\n", "        \n")
    identifier = types.VersionedTextDocumentIdentifier(uri=client.flow, version=3)
    change = types.TextDocumentContentChangeWholeDocument(text=text)
    client.text_document_did_change(types.DidChangeTextDocumentParams(identifier, [change]))
    items = await client.text_document_completion_async(
        types.CompletionParams(document(client), types.Position(line=10, character=8))
    )
    item = next(item for item in items if item.label == "parameters")
    assert item.insert_text_format == types.InsertTextFormat.Snippet
    assert item.text_edit.new_text == "parameters:\n          - ${0}"
