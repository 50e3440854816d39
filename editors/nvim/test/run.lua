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
  local attached, exits = false, 0
  if vim.lsp.config then
    vim.lsp.config('rigx', {
      on_attach = { function() attached = true end },
      on_exit = function() exits = exits + 1 end,
    })
  end
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

  check('vim.lsp.config is heard', attached or not vim.lsp.config)

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

  vim.cmd('checkhealth rigx')
  check('health is checked', table.concat(vim.fn.getline(1, '$'), '\n'):match('Neovim is recent enough'))
  vim.cmd('edit rigx.toml')

  -- While the file is broken, the targets it had are completed.
  local whole = vim.fn.readfile('rigx.toml')
  vim.fn.writefile({ '[targets' }, 'rigx.toml')
  check('the names survive a mistake', vim.tbl_contains(vim.fn.getcompletion('Rigx test ', 'cmdline'), 'smoke'))
  vim.fn.writefile(whole, 'rigx.toml')

  -- Another project has a server of its own.
  local function servers()
    local pids = {}
    for _, pid in ipairs(vim.fn.split(vim.fn.system({ 'pgrep', '-P', tostring(vim.fn.getpid()), 'rigx-ls' }))) do
      table.insert(pids, tonumber(pid))
    end
    return pids
  end
  check('one server runs', #servers() == 1)
  vim.fn.mkdir('../second #2', 'p')
  vim.fn.writefile({ '[project]', 'name = "second"', '[targets.x]', 'kind = "exexutable"' }, '../second #2/rigx.toml')
  vim.cmd('edit ' .. vim.fn.fnameescape('../second #2/rigx.toml'))
  eventually('a diagnostic in the other project', function() return diagnostics() > 0 end)
  check('two servers run', #servers() == 2)

  -- A server that dies is started again, at most five times; then that is said.
  local messages = {}
  vim.notify = function(message) table.insert(messages, message) end
  local function kill()
    local dead = servers()
    for _, pid in ipairs(dead) do
      vim.fn.system({ 'kill', '-9', tostring(pid) })
    end
    return dead
  end
  for _ = 1, 5 do
    local dead = kill()
    eventually('they are started again', function()
      local now = servers()
      return #now == 2 and not vim.tbl_contains(now, dead[1]) and not vim.tbl_contains(now, dead[2])
    end)
  end
  vim.fn.setline(4, 'kind = "executabel"')
  eventually('the sixth server works', function() return diagnostics() > 0 end)
  kill()
  eventually('it is said that there are no more', function()
    return (messages[#messages] or ''):match('^rigx: the server ended 6 times and is not started again; see .*lsp.log$')
  end)
  check('no server runs', #servers() == 0)
  check('vim.lsp.config is told of each end', exits == 12 or not vim.lsp.config)

  -- Programs that are not there.
  rigx.setup({ server = { '/nonexistent/rigx-ls' }, program = '/nonexistent/rigx' })
  vim.cmd('edit!')
  check('the missing server is said', vim.tbl_contains(messages, 'rigx: /nonexistent/rigx-ls is not on PATH; see :checkhealth rigx'))
  vim.cmd('Rigx build')
  check('the missing program is said', vim.tbl_contains(messages, 'rigx: /nonexistent/rigx is not on PATH; see :checkhealth rigx'))
end

local fine, problem = pcall(session)
if not fine then
  print('FAILED: ' .. tostring(problem))
  vim.cmd('cquit 1')
end
print('ok')
vim.cmd('qall!')
