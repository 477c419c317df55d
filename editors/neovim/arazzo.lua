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
})
vim.lsp.enable('arazzo')
