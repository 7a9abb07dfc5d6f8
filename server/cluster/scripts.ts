// What nodes ask Redis to do as one step: join, renew, claim a room, give it back. In Lua, since each looks before it
// writes. What a lease is and why it is safe: docs/scaling.md.
// Called by: store.ts.

/**
 * KEYS[1] is the prefix; what stands behind it is named here alone:
 * - `node:{id}`: a node that lives, and what it says of itself; its expiry is the lease of all its rooms
 * - `nodes`: set of the ids
 * - `rooms`: hash, name of a room -> "{node} {epoch}"
 * - `room-info:{name}`: how a room was made, so that who takes it over makes it alike
 * - `epoch`: counts claims
 * - `granting`: "{run id of Redis} {since}", since a Redis that may have forgotten what it granted waits for a lease
 * - `revoked`: sorted set, ids of tokens by their ends
 */
const COMMON = `
local P = KEYS[1]
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function lives(node) return redis.call('EXISTS', P .. 'node:' .. node) == 1 end
local function granting(at)
  local info = redis.pcall('INFO', 'server')
  local run = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or '-'
  local known, since = string.match(redis.call('GET', P .. 'granting') or '', '^(%S+) (%d+)$')
  if known == run then return tonumber(since) end
  redis.call('SET', P .. 'granting', run .. ' ' .. string.format('%.0f', at))
  return at
end
`;

/** ARGV: node, lease, what it says of itself, and name and epoch of each room that it has. -> time, rooms it has lost */
export const JOIN = `${COMMON}
local me, at, lost = ARGV[1], clock(), {}
granting(at)
redis.call('SET', P .. 'node:' .. me, ARGV[3], 'PX', ARGV[2])
redis.call('SADD', P .. 'nodes', me)
local top = tonumber(redis.call('GET', P .. 'epoch') or '0')
local first = top
for i = 4, #ARGV, 2 do
  local mine = me .. ' ' .. ARGV[i + 1]
  local is = redis.call('HGET', P .. 'rooms', ARGV[i])
  if not is then
    redis.call('HSET', P .. 'rooms', ARGV[i], mine)
    top = math.max(top, tonumber(ARGV[i + 1]))
  elseif string.match(is, '^%S+') ~= me then
    lost[#lost + 1] = ARGV[i]
  end
end
if top > first then redis.call('SET', P .. 'epoch', string.format('%.0f', top)) end
return {at, lost}`;

/** ARGV: node, lease, what it says of itself. -> time, or 0 when Redis knows nothing of it (any more) */
export const RENEW = `${COMMON}
if redis.call('SET', P .. 'node:' .. ARGV[1], ARGV[3], 'XX', 'PX', ARGV[2]) then return clock() end
return 0`;

/**
 * ARGV: node, lease, room, and what it wants: `find` to know, `free` a room that nobody has, `any` also that of a node
 * that is dead. -> {'here', epoch, info, 1 when taken over} | {'there', node, epoch} | {'wait', ms} | {'none'}
 */
export const CLAIM = `${COMMON}
local me, name, want = ARGV[1], ARGV[3], ARGV[4]
local is = redis.call('HGET', P .. 'rooms', name)
local owner, epoch = string.match(is or '', '^(%S+) (%d+)$')
local info = redis.call('GET', P .. 'room-info:' .. name) or ''
local function take()
  local mine = string.format('%.0f', redis.call('INCR', P .. 'epoch'))
  redis.call('HSET', P .. 'rooms', name, me .. ' ' .. mine)
  return mine
end
-- A claim whose answer was lost, or that was not given back yet: what gives it back may still be on its way.
if owner == me then return {'here', take(), info, 0} end
if owner and lives(owner) then return {'there', owner, epoch} end
if want == 'find' then return {'none'} end
if not lives(me) or (owner and want == 'free') then return {'wait', 200} end
local at = clock()
local left = granting(at) + tonumber(ARGV[2]) - at
if left > 0 then return {'wait', math.min(left, 200)} end
return {'here', take(), info, owner and 1 or 0}`;

/** ARGV: for how long others may go on with the rooms; then name and "{node} {epoch}" of each. */
export const RELEASE = `${COMMON}
for i = 2, #ARGV, 2 do
  if redis.call('HGET', P .. 'rooms', ARGV[i]) == ARGV[i + 1] then
    redis.call('HDEL', P .. 'rooms', ARGV[i])
    redis.call('PEXPIRE', P .. 'room-info:' .. ARGV[i], ARGV[1])
  end
end
return 1`;

/** ARGV: room, "{node} {epoch}", how it was made, how long that is kept. Only its owner may say so. */
export const DESCRIBE = `${COMMON}
if redis.call('HGET', P .. 'rooms', ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('SET', P .. 'room-info:' .. ARGV[1], ARGV[3], 'PX', ARGV[4])
return 1`;

/**
 * ARGV: node, and for how long others may go on with rooms of dead nodes, which it takes off the list.
 * -> those that the list says are this node's: name, epoch, ...
 */
export const TIDY = `${COMMON}
local me, mine, known = ARGV[1], {}, {}
local all = redis.call('HGETALL', P .. 'rooms')
for i = 1, #all, 2 do
  local owner, epoch = string.match(all[i + 1], '^(%S+) (%d+)$')
  if owner == me then
    mine[#mine + 1] = all[i]
    mine[#mine + 1] = epoch
  else
    if owner and known[owner] == nil then known[owner] = lives(owner) end
    if not owner or not known[owner] then
      redis.call('HDEL', P .. 'rooms', all[i])
      redis.call('PEXPIRE', P .. 'room-info:' .. all[i], ARGV[2])
    end
  end
end
return mine`;

/** -> id and what it says of itself of each node that lives */
export const NODES = `${COMMON}
local out = {}
for _, id in ipairs(redis.call('SMEMBERS', P .. 'nodes')) do
  local info = redis.call('GET', P .. 'node:' .. id)
  if info then
    out[#out + 1] = id
    out[#out + 1] = info
  else
    redis.call('SREM', P .. 'nodes', id)
  end
end
return out`;
