-- rigx for Neovim 0.7.2 and later: the language server, commands, lenses in a
-- terminal split, failures in the quickfix list. `:help rigx` has the manual.

local M = {}

--- What setup() may change.
M.options = {
  -- The language server and its arguments.
  server = { 'rigx-ls' },
  -- The program that builds, tests and runs.
  program = 'rigx',
  -- Passed on as --nixpkgs: 'host' builds with the compilers of this machine.
  nixpkgs = nil,
  -- Show Build, Test, Run, Start and Stop above the targets.
  lenses = true,
  -- How the terminal split is opened.
  split = 'botright 12split',
  -- Called with (client, buffer) when the server is attached.
  on_attach = nil,
}

--- The directory of the nearest rigx.toml with a [project], upwards from a path.
function M.root(path)
  local dir = vim.fn.fnamemodify(path, ':p:h')
  local found
  while true do
    local file = dir .. '/rigx.toml'
    if vim.fn.filereadable(file) == 1 then
      found = found or dir
      for _, line in ipairs(vim.fn.readfile(file)) do
        if line:match('^%s*%[%s*project%s*%]') then
          return dir
        end
      end
    end
    local up = vim.fn.fnamemodify(dir, ':h')
    if up == dir then
      return found
    end
    dir = up
  end
end

local function current_root()
  local name = vim.api.nvim_buf_get_name(0)
  return M.root(name ~= '' and name or (vim.fn.getcwd() .. '/x'))
end

local function notify(message, level)
  vim.notify('rigx: ' .. message, level or vim.log.levels.INFO)
end

-- ── The language server ─────────────────────────────────────────────────────

local clients = {} -- by root, where vim.lsp.start does not keep them
local deaths = {} -- by root
local restarts = 5
local born = {} -- by root, in seconds
local grown_up = 300

--- Starts the server of a project again if it ended by itself, but not for ever.
local function ended(root, code, signal)
  if (code == 0 and (signal == 0 or signal == 15)) or vim.v.exiting ~= vim.NIL then
    return -- 15: Neovim was asked to stop it by force
  end
  local old = os.time() - (born[root] or 0) > grown_up
  deaths[root] = (old and 0 or deaths[root] or 0) + 1
  if deaths[root] > restarts then
    notify(('the server ended %d times and is not started again; see %s'):format(deaths[root], require('vim.lsp.log').get_filename()), vim.log.levels.ERROR)
    return
  end
  clients[root] = nil
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local name = vim.api.nvim_buf_get_name(buffer)
    if vim.api.nvim_buf_is_loaded(buffer) and name:match('%.toml$') and M.root(name) == root then
      M.attach(buffer)
    end
  end
end

local function config(root)
  return {
    name = 'rigx',
    cmd = M.options.server,
    on_init = function()
      born[root] = os.time()
    end,
    root_dir = root,
    on_exit = function(code, signal)
      vim.defer_fn(function() ended(root, code, signal) end, 100) -- once Neovim has forgotten the client
    end,
    init_options = { trusted = true, program = vim.fn.exepath(M.options.program) },
    on_attach = function(client, buffer)
      if M.options.lenses then
        M.show_lenses(buffer)
      end
      if M.options.on_attach then
        M.options.on_attach(client, buffer)
      end
    end,
  }
end

--- The configuration with what the user says by vim.lsp.config('rigx', …), which
--- Neovim 0.11 and later has.
local function configured(root)
  local own = config(root)
  local theirs = vim.lsp.config and vim.lsp.config.rigx
  if not theirs then
    return own
  end
  local both = vim.tbl_deep_extend('force', own, theirs, { root_dir = root })
  for _, event in ipairs({ 'on_init', 'on_attach', 'on_exit' }) do -- theirs may be a list
    both[event] = vim.iter({ own[event], theirs[event] }):flatten():totable()
  end
  return both
end

--- Attaches the server to a buffer that belongs to a project.
function M.attach(buffer)
  local root = M.root(vim.api.nvim_buf_get_name(buffer))
  if not root then
    return
  end
  local settings = configured(root)
  local program = type(settings.cmd) == 'table' and settings.cmd[1]
  if program and vim.fn.executable(program) == 0 then
    if not M.warned then
      M.warned = true
      notify(program .. ' is not on PATH; see :checkhealth rigx', vim.log.levels.WARN)
    end
    return
  end
  if vim.lsp.start then
    vim.lsp.start(settings, { bufnr = buffer })
    return
  end
  local id = clients[root]
  if not id or vim.lsp.client_is_stopped(id) then
    id = vim.lsp.start_client(settings)
    clients[root] = id
  end
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
end

--- Shows lenses and keeps them up to date.
function M.show_lenses(buffer)
  if vim.lsp.codelens.enable then
    vim.lsp.codelens.enable(true, { bufnr = buffer })
    return
  end
  local group = vim.api.nvim_create_augroup('rigx-lenses-' .. buffer, { clear = true })
  vim.api.nvim_create_autocmd({ 'BufEnter', 'InsertLeave', 'BufWritePost' }, {
    group = group,
    buffer = buffer,
    callback = function()
      vim.lsp.codelens.refresh()
    end,
  })
  vim.api.nvim_buf_call(buffer, function()
    vim.lsp.codelens.refresh()
  end)
end

-- ── Running rigx ────────────────────────────────────────────────────────────

--- Places in the output of builders, behind what rigx puts before a line.
local places = table.concat({
  '%*[ |]%f:%l:%c: %trror: %m', '%*[ |]%f:%l:%c: fatal %trror: %m', '%*[ |]%f:%l:%c: %tarning: %m',
  '%*[ |]%f:%l:%c: %m', '%*[ |]%f:%l: %m',
  '%f:%l:%c: %trror: %m', '%f:%l:%c: %tarning: %m',
  '%E%trror[%*[^]]]: %m', '%C %#--> %f:%l:%c', '%Z%p^', '%-G%.%#',
}, ',')

--- Puts the failures among some lines into the quickfix list.
function M.failures(lines, root)
  local items = {}
  for _, item in ipairs(vim.fn.getqflist({ lines = lines, efm = places }).items) do
    if item.bufnr > 0 then
      local name = vim.fn.bufname(item.bufnr)
      if vim.fn.filereadable(name) == 0 and vim.fn.filereadable(root .. '/' .. name) == 1 then
        item.bufnr = vim.fn.bufadd(root .. '/' .. name)
      end
      table.insert(items, item)
    end
  end
  vim.fn.setqflist({}, ' ', { title = 'rigx', items = items })
  return #items
end

--- Runs rigx in a terminal split. done is called with the exit status.
function M.run(arguments, root, done)
  root = root or current_root()
  if not root then
    notify('there is no rigx.toml here', vim.log.levels.ERROR)
    return
  end
  if vim.fn.executable(M.options.program) == 0 then
    notify(M.options.program .. ' is not on PATH; see :checkhealth rigx', vim.log.levels.ERROR)
    return
  end
  vim.cmd('silent! wall')
  local command = { M.options.program, '-C', root }
  if M.options.nixpkgs then
    vim.list_extend(command, { '--nixpkgs', M.options.nixpkgs })
  end
  vim.list_extend(command, arguments)
  local window = vim.api.nvim_get_current_win()
  vim.cmd(M.options.split .. ' | enew')
  local buffer = vim.api.nvim_get_current_buf()
  local function ended(_, status)
    local lines = vim.api.nvim_buf_is_valid(buffer) and vim.api.nvim_buf_get_lines(buffer, 0, -1, false) or {}
    local count = status == 0 and 0 or M.failures(lines, root)
    local what = table.concat(arguments, ' ')
    if status == 0 then
      notify(what .. ': done')
    else
      notify(('%s: failed%s'):format(what, count > 0 and (', %d places in the quickfix list'):format(count) or ''), vim.log.levels.ERROR)
    end
    if done then
      done(status)
    end
  end
  local options = { cwd = root, on_exit = ended }
  if vim.fn.has('nvim-0.11') == 1 then
    vim.fn.jobstart(command, vim.tbl_extend('error', options, { term = true }))
  else
    vim.fn.termopen(command, options)
  end
  vim.bo[buffer].bufhidden = 'wipe'
  vim.cmd('normal! G')
  vim.api.nvim_set_current_win(window)
end

local last_targets = {} -- by root

--- The targets of the project, as `rigx list --json` has them; those it had last
--- while rigx.toml is broken.
function M.targets(root)
  local out = vim.fn.system({ M.options.program, '-C', root, 'list', '--json' })
  local ok, list = pcall(vim.fn.json_decode, out)
  if vim.v.shell_error == 0 and ok and type(list) == 'table' then
    last_targets[root] = list
  end
  return last_targets[root] or {}
end

local function is_built(kind) return kind ~= 'test' and kind ~= 'script' and kind ~= 'testbed' end

local kinds = {
  build = is_built,
  test = function(kind) return kind == 'test' end,
  run = function(kind) return kind == 'script' or kind == 'testbed' end,
  watch = is_built,
  capsule = function(kind) return kind == 'capsule' end,
  graph = function() return true end,
}
local verbs = { 'build', 'test', 'run', 'watch', 'capsule', 'graph', 'check', 'fmt', 'clean', 'lock' }
local capsule_verbs = { 'start', 'stop', 'ps', 'logs', 'exec', 'wait' }

local function complete(lead, line)
  local words = vim.split(line, '%s+')
  local candidates = {}
  if #words <= 2 then
    candidates = verbs
  elseif words[2] == 'capsule' and #words == 3 then
    candidates = capsule_verbs
  elseif kinds[words[2]] then
    local root = current_root()
    for _, target in ipairs(root and M.targets(root) or {}) do
      if kinds[words[2]](target.kind) then
        table.insert(candidates, target.name)
        for _, variant in ipairs(target.variants or {}) do
          table.insert(candidates, target.name .. '@' .. variant)
        end
      end
    end
  end
  return vim.tbl_filter(function(name) return vim.startswith(name, lead) end, candidates)
end

--- Draws the dependency graph in a buffer of its own.
local function graph(arguments)
  local root = current_root()
  if not root then
    return notify('there is no rigx.toml here', vim.log.levels.ERROR)
  end
  local lines = vim.fn.systemlist(vim.list_extend({ M.options.program, '-C', root, 'graph' }, arguments))
  vim.cmd('botright new')
  vim.api.nvim_buf_set_lines(0, 0, -1, false, lines)
  vim.bo.buftype, vim.bo.bufhidden, vim.bo.filetype = 'nofile', 'wipe', 'mermaid'
end

local function command(call)
  local arguments = vim.list_slice(call.fargs, 2)
  if call.fargs[1] == 'graph' then
    graph(arguments)
  elseif call.fargs[1] == 'fmt' then
    vim.cmd('silent! wall')
    M.run({ 'fmt', '--write' }, nil, function() vim.cmd('checktime') end)
  else
    M.run(call.fargs)
  end
end

-- ── Setup ───────────────────────────────────────────────────────────────────

--- The one line that a configuration needs: require('rigx').setup{}.
function M.setup(options)
  M.options = vim.tbl_deep_extend('force', M.options, options or {})
  for _, words in ipairs({ { 'build' }, { 'test' }, { 'run' }, { 'watch' }, { 'capsule', 'start' }, { 'capsule', 'stop' } }) do
    -- A click on a lens: in a terminal split instead of in the server.
    vim.lsp.commands['rigx.' .. words[#words]] = function(lens)
      local argument = lens.arguments[1]
      M.run(vim.list_extend(vim.deepcopy(words), { argument.target }), vim.uri_to_fname(argument.project))
    end
  end
  vim.api.nvim_create_user_command('Rigx', command, { nargs = '+', complete = complete, desc = 'Run rigx in a terminal split' })
  local group = vim.api.nvim_create_augroup('rigx', { clear = true })
  vim.api.nvim_create_autocmd({ 'BufReadPost', 'BufNewFile' }, {
    group = group,
    pattern = '*.toml',
    callback = function(event)
      M.attach(event.buf)
    end,
  })
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.api.nvim_buf_get_name(buffer):match('%.toml$') then
      M.attach(buffer)
    end
  end
end

return M
