-- Headless Neovim 0.11 with editors/neovim/arazzo.lua: nvim --headless --clean -l tests/lsp/neovim.lua FOLDER
-- Prints what it sees, and ends with 0 if that is all of it.

local folder = arg[1]
local here = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h:h:h')
vim.cmd.source(here .. '/editors/neovim/arazzo.lua')
vim.cmd('filetype on')

local function check(is_so, words)
  if not is_so then
    io.stderr:write('not so: ' .. words .. '\n')
    os.exit(1)
  end
  print('ok ' .. words)
end

-- The place of a text, behind which the cursor is.
local function go(text)
  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  check(vim.fn.search('\\V' .. text) > 0, 'there is ' .. text)
end

local function ask(method, more)
  local client = vim.lsp.get_clients({ bufnr = 0 })[1]
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  local answer = client:request_sync(method, vim.tbl_extend('force', params, more or {}), 60000, 0)
  check(answer and not answer.err, method)
  return answer.result, client
end

vim.cmd.edit(folder .. '/flow.yaml')
check(vim.bo.filetype == 'yaml.arazzo', 'the file type')
check(vim.wait(60000, function() return #vim.lsp.get_clients({ bufnr = 0 }) == 1 end), 'the server is attached')
check(vim.wait(60000, function() return #vim.diagnostic.get(0) > 0 end), 'a diagnostic')
local diagnostic = vim.diagnostic.get(0)[1]
check(diagnostic.code == 'source-dot-operation' and diagnostic.lnum == 9, 'its code and line')

go('$inputs.limit')
vim.cmd('normal! 8l')
check(ask('textDocument/hover').contents.value:match('input `limit`: integer'), 'what an input is')

go('list.outputs')
local place = ask('textDocument/definition')
check(place.range.start.line == 8, 'where a step is defined')

local edit, client = ask('textDocument/rename', { newName = 'all' })
vim.lsp.util.apply_workspace_edit(edit, client.offset_encoding)
check(vim.fn.search('stepId: all') > 0 and vim.fn.search('$steps.all.outputs.first') > 0, 'a step is renamed')

go('pets.listPets')
local at = vim.api.nvim_win_get_cursor(0)
local range = { line = at[1] - 1, character = at[2] }
local actions = ask('textDocument/codeAction', {
  range = { start = range, ['end'] = range },
  context = { diagnostics = {} },
})
vim.lsp.util.apply_workspace_edit(actions[1].edit, client.offset_encoding)
check(vim.fn.search('\\V$sourceDescriptions.pets.listPets') > 0, 'a fix is made')
check(vim.wait(60000, function() return #vim.diagnostic.get(0) == 0 end), 'nothing is wrong any more')

local begun = '    parameters: [{ name: limit, in: query, value: $inputs.'
vim.api.nvim_buf_set_lines(0, -1, -1, false, { begun .. ' }]' })
local items = client:request_sync('textDocument/completion', {
  textDocument = vim.lsp.util.make_text_document_params(0),
  position = { line = vim.api.nvim_buf_line_count(0) - 1, character = #begun },
}, 60000, 0).result
check(#items == 1 and items[1].label == 'limit', 'an input is offered')

vim.api.nvim_buf_set_lines(0, -2, -1, false, {})
local lenses = ask('textDocument/codeLens')
check(#lenses == 4 and lenses[1].command.arguments[2] == 'tour', 'commands above a workflow')
for _, lens in ipairs(lenses) do
  check(vim.lsp.commands[lens.command.command], 'the command ' .. lens.command.command)
end

-- What is shown and asked by functions of Neovim itself.
vim.lsp.inlay_hint.enable(true, { bufnr = 0 })
local function hints()
  return vim.tbl_map(function(hint) return hint.inlay_hint.label end, vim.lsp.inlay_hint.get({ bufnr = 0 }))
end
check(vim.wait(60000, function() return vim.tbl_contains(hints(), 'GET /pets') end), 'method and path are shown')

local listed
vim.lsp.buf.document_symbol({ on_list = function(list) listed = list.items end })
check(vim.wait(60000, function() return listed ~= nil end) and listed[2].text:match('tour'), 'the outline')
listed = nil
vim.lsp.buf.workspace_symbol('tour', { on_list = function(list) listed = list.items end })
check(vim.wait(60000, function() return listed ~= nil end) and #listed == 1, 'a workflow is found by its name')
go('stepId: all')
vim.cmd('normal! 9l')
listed = nil
vim.lsp.buf.references(nil, { on_list = function(list) listed = list.items end })
check(vim.wait(60000, function() return listed ~= nil end) and #listed == 2, 'where a step is named')
vim.lsp.buf.document_highlight()
local marks = vim.api.nvim_get_namespaces()['nvim.lsp.references']
  or vim.api.nvim_get_namespaces()['vim_lsp_references']
check(vim.wait(60000, function()
  marks = marks or vim.api.nvim_get_namespaces()['nvim.lsp.references']
  return marks and #vim.api.nvim_buf_get_extmarks(0, marks, 0, -1, {}) == 2
end), 'its names are highlighted')
vim.fn.setline(2, 'info: {title:  "Pets", version: "1"}')
vim.lsp.buf.format({ timeout_ms = 60000 })
check(vim.fn.getline(2) == "info: { title: Pets, version: '1' }", 'the document is formatted')
os.exit(0)
