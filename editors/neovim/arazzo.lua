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

-- The commands above workflows (:lua vim.lsp.codelens.refresh(), then vim.lsp.codelens.run()), in a terminal below. The
-- words are those of a process, not a line of a shell.
for command, words in pairs({
  ['arazzo.run'] = { 'run' },
  ['arazzo.mock'] = { 'run', '--mock' },
  ['arazzo.graph'] = { 'graph' },
}) do
  vim.lsp.commands[command] = function(lens)
    local uri, workflow = lens.arguments[1], lens.arguments[2]
    vim.cmd('silent! wall | botright new')
    local line = vim.list_extend({ 'arazzo' }, words)
    vim.fn.jobstart(vim.list_extend(line, { '--', vim.uri_to_fname(uri), workflow }), { term = true })
  end
end
