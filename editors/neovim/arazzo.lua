-- Arazzo documents in Neovim 0.11 or later: their file type, and the language server `arazzo lsp`.
-- Put this file into ~/.config/nvim/plugin/.

-- A document is one by what is in it, not by its name alone.
local function filetype(name)
  return function(path, buffer)
    if path:match('%.arazzo%.%a+$') then
      return name
    end
    for _, line in ipairs(vim.api.nvim_buf_get_lines(buffer, 0, 20, false)) do
      if line:match('^%s*["\']?arazzo["\']?%s*:') then
        return name
      end
    end
  end
end

vim.filetype.add({
  pattern = {
    -- yaml-language-server is for `yaml`, and says nothing about `yaml.arazzo`.
    ['.*%.ya?ml'] = { filetype('yaml.arazzo'), { priority = 10 } },
    ['.*%.json'] = { filetype('json.arazzo'), { priority = 10 } },
  },
})

vim.lsp.config('arazzo', {
  cmd = { 'arazzo', 'lsp' },
  filetypes = { 'yaml.arazzo', 'json.arazzo' },
  root_markers = { 'arazzo.toml', '.git' },
  init_options = { commands = true },
})
vim.lsp.enable('arazzo')

-- The last run of each workflow is kept, without its secrets, to be replayed.
local function recording(uri, workflow)
  local folder = vim.fn.stdpath('state') .. '/arazzo'
  vim.fn.mkdir(folder, 'p', tonumber('700', 8))
  return folder .. '/' .. vim.fn.sha256(uri .. '#' .. workflow) .. '.ndjson'
end

-- The commands above workflows (:lua vim.lsp.codelens.refresh(), then vim.lsp.codelens.run()), in a terminal below. The
-- words are those of a process, not a line of a shell.
for command, words in pairs({
  ['arazzo.run'] = function(kept, path, workflow) return { 'run', '--record', kept, '--', path, workflow } end,
  ['arazzo.mock'] = function(kept, path, workflow) return { 'run', '--mock', '--record', kept, '--', path, workflow } end,
  ['arazzo.replay'] = function(kept, path) return { 'replay', '--', kept, path } end,
  ['arazzo.graph'] = function(_, path, workflow) return { 'graph', '--', path, workflow } end,
}) do
  vim.lsp.commands[command] = function(lens)
    local uri, workflow = lens.arguments[1], lens.arguments[2]
    local kept = recording(uri, workflow)
    if command == 'arazzo.replay' and vim.fn.filereadable(kept) == 0 then
      vim.notify('The workflow ' .. workflow .. ' was not run from here yet.', vim.log.levels.WARN)
      return
    end
    vim.cmd('silent! wall | botright new')
    local line = vim.list_extend({ 'arazzo' }, words(kept, vim.uri_to_fname(uri), workflow))
    vim.fn.jobstart(line, { term = true })
  end
end
