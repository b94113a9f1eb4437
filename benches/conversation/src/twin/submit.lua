-- Submits and hands out the next prompt, at once for everybody else.
-- KEYS: the conversation, names of its answers, its pool; own answers, pairs that were handed out, prompts, choices.
-- ARGV: name and text of an answer, or two empty texts; number and side of a choice, or two empty texts; the bounds.
local conversation, names, pool, answers, seen, prompts, choices = unpack(KEYS)
local name, text, number, side = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local answers_max, pool_max = tonumber(ARGV[5]), tonumber(ARGV[6])
local prompts_max, draws_max = tonumber(ARGV[7]), tonumber(ARGV[8])
local phase = redis.call('HGET', conversation, 'phase')

if number ~= '' then
  if tonumber(number) < 1 or redis.call('LLEN', prompts) < tonumber(number) then
    return redis.error_reply('TW404 there is no prompt ' .. number)
  end
  if redis.call('HSETNX', choices, number, side) == 0 and redis.call('HGET', choices, number) ~= side then
    return redis.error_reply('TW409 prompt ' .. number .. ' is answered')
  end
elseif redis.call('HEXISTS', answers, name) == 0 then
  if phase ~= 'answering' and phase ~= 'comparing' then
    return redis.error_reply('TW409 the conversation does not take this now')
  end
  if redis.call('HLEN', answers) >= answers_max then
    return redis.error_reply('TW409 that was enough; thank you')
  end
  redis.call('HSET', answers, name, text)
  if redis.call('SCARD', names) < pool_max and redis.call('SADD', names, name) == 1 then
    redis.call('SADD', pool, name .. '\n' .. text)
  end
end

local made = redis.call('LLEN', prompts)
if phase ~= 'comparing' or made >= prompts_max then
  return {}
end

local function name_of(answer)
  return string.sub(answer, 1, string.find(answer, '\n', 1, true) - 1)
end
local function hand_out(left, right)
  local one, other = name_of(left), name_of(right)
  if redis.call('HEXISTS', answers, one) == 1 or redis.call('HEXISTS', answers, other) == 1 then
    return false
  end
  if other < one then one, other = other, one end
  if redis.call('SADD', seen, one .. '\n' .. other) == 0 then
    return false
  end
  redis.call('RPUSH', prompts, left .. '\n' .. right)
  return true
end

for _ = 1, draws_max do
  local pair = redis.call('SRANDMEMBER', pool, 2)
  if #pair < 2 then return {} end
  if hand_out(pair[1], pair[2]) then
    return {made + 1, pair[1], pair[2]}
  end
end
-- They have seen many: the first pair that is left, in order.
local all = redis.call('SMEMBERS', pool)
for left = 2, #all do
  for right = 1, left - 1 do
    if hand_out(all[left], all[right]) then
      return {made + 1, all[left], all[right]}
    end
  end
end
return {}
