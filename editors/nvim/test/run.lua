-- Drives the plugin in a Neovim with no other: nvim --headless -u NONE -l, or
-- with +'luafile …' before 0.9. The project is a copy in the current directory.
-- Prints `ok` as its last word if all went well.

local here = vim.fn.fnamemodify(debug.getinfo(1, 'S').source:sub(2), ':p:h:h')
vim.opt.runtimepath:prepend(here)
vim.cmd('runtime plugin/rigx.lua')
vim.o.swapfile = false

local function check(what, value)
  if not value then
    print('FAILED: ' .. what)
    vim.cmd('cquit 1')
  end
end

local function eventually(what, condition)
  check(what, vim.wait(60000, condition, 50))
end

local function session()
  local rigx = require('rigx')
  rigx.setup({ nixpkgs = 'host' })
  vim.cmd('edit rigx.toml')
  local function diagnostics() return #vim.diagnostic.get(0) end

  -- A mistake appears and vanishes.
  eventually('a diagnostic for the mistake', function() return diagnostics() > 0 end)
  local text = vim.fn.getline(1, '$')
  for i, line in ipairs(text) do
    vim.fn.setline(i, (line:gsub('exexutable', 'executable')))
  end
  eventually('no diagnostic once it is mended', function() return diagnostics() == 0 end)
  vim.cmd('silent write')

  -- Lenses, and what a click on one does.
  local params = { textDocument = { uri = vim.uri_from_bufnr(0) } }
  local lenses
  eventually('lenses', function()
    for _, answer in pairs(vim.lsp.buf_request_sync(0, 'textDocument/codeLens', params, 5000) or {}) do
      lenses = answer.result
    end
    return lenses and #lenses == 3
  end)
  check('the first lens is Build', lenses[1].command.title == 'Build')
  local status
  local run = rigx.run
  rigx.run = function(arguments, root) run(arguments, root, function(s) status = s end) end
  vim.lsp.commands[lenses[1].command.command](lenses[1].command)
  eventually('the build ends', function() return status ~= nil end)
  check('the build succeeds', status == 0)
  check('the result is linked', vim.fn.filereadable('output/hello/bin/hello') == 1)

  -- A failure is in the quickfix list, at its line.
  rigx.run = run
  vim.fn.writefile({ 'int main(void) {', '  return nothing;', '}' }, 'src/hello.c')
  status = nil
  rigx.run({ 'build', 'hello' }, nil, function(s) status = s end)
  eventually('the second build ends', function() return status ~= nil end)
  check('it fails', status == 1)
  local places = vim.fn.getqflist()
  check('the quickfix list has the line', #places > 0 and places[1].lnum == 2)

  -- The command completes targets and variants.
  local completed = vim.fn.getcompletion('Rigx test ', 'cmdline')
  check('targets are completed: ' .. vim.inspect(completed), vim.tbl_contains(completed, 'smoke'))

  require('rigx.health')
end

local fine, problem = pcall(session)
if not fine then
  print('FAILED: ' .. tostring(problem))
  vim.cmd('cquit 1')
end
print('ok')
vim.cmd('qall!')
