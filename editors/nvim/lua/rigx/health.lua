-- :checkhealth rigx

local M = {}

local health = vim.health or require('health')
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local warn = health.warn or health.report_warn
local error = health.error or health.report_error

local function program(name, what, advice, needed)
  if vim.fn.executable(name) == 0 then
    (needed and error or warn)(name .. ' is not on PATH: ' .. what, { advice })
    return
  end
  local version = vim.fn.systemlist({ name, '--version' })[1] or ''
  ok(('%s: %s (%s)'):format(name, version, vim.fn.exepath(name)))
end

function M.check()
  local options = require('rigx').options
  start('rigx')
  if vim.fn.has('nvim-0.7.2') == 1 then
    ok('Neovim is recent enough')
  else
    error('Neovim 0.7.2 or later is needed')
  end
  program(options.server[1], 'nothing is checked or completed', 'put rigx-ls on PATH, or set `server` in setup()', true)
  program(options.program, 'nothing can be built', 'put rigx on PATH, or set `program` in setup()', true)
  program('nix', 'nothing can be built', 'install Nix: https://nixos.org/download, or apt-get install nix-bin', false)
end

return M
