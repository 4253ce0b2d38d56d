//! What the engine does in one step. Each script names all its keys, which share a slot.

use redis::{Pipeline, Script};

/// All of them, made once: each has its code and the digest that the engine knows it by.
#[derive(Debug)]
pub(crate) struct Scripts {
    /// Token → its record, the milliseconds that are left of it, and the engine's time in milliseconds.
    pub(crate) load: Script,
    /// → the engine's time in milliseconds.
    pub(crate) now: Script,
    /// Token, fencing; record, rank, digest of the secret, when it dies in milliseconds of the engine's time, the
    /// milliseconds that it lives at most, those that the fencing number is left at least, channel or nothing.
    pub(crate) save: Script,
    /// Token; digest of the secret.
    pub(crate) remove: Script,
    /// Lease, fencing; milliseconds of the lease, the fencing's at least → fencing number, or nothing.
    pub(crate) lease: Script,
    /// Lease; fencing number, channel or nothing.
    pub(crate) release: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            load: Script::new(LOAD),
            now: Script::new(NOW),
            save: Script::new(SAVE),
            remove: Script::new(REMOVE),
            lease: Script::new(LEASE),
            release: Script::new(RELEASE),
        }
    }

    /// Makes all of them known to the engine in one round trip. One that is not known takes three.
    pub(crate) fn make_known() -> Pipeline {
        let mut pipeline = redis::pipe();
        for code in [LOAD, NOW, SAVE, REMOVE, LEASE, RELEASE] {
            pipeline.cmd("SCRIPT").arg("LOAD").arg(code).ignore();
        }
        pipeline
    }
}

// A key of another type than expected is as good as none.
const LOAD: &str = r"
local now = redis.call('TIME')
now = now[1] * 1000 + math.floor(now[2] / 1000)
local record = redis.pcall('HGET', KEYS[1], 'record')
if type(record) ~= 'string' then
    return {false, -2, now}
end
return {record, redis.call('PTTL', KEYS[1]), now}
";

const NOW: &str = r"
local now = redis.call('TIME')
return now[1] * 1000 + math.floor(now[2] / 1000)
";

// It may be carried out long after it was sent, by an engine that hung: the end of a life is a moment. It may be
// another engine whose clock is behind, too: a life has a longest length.
// Ranks have one length, so that they compare as numbers do.
const SAVE: &str = r"
local now = redis.call('TIME')
local life = tonumber(ARGV[4]) - (now[1] * 1000 + math.floor(now[2] / 1000))
life = math.min(life, tonumber(ARGV[5]))
if life < 1 then
    return 0
end
local there = redis.pcall('HGET', KEYS[1], 'rank')
if type(there) == 'string' and #there == #ARGV[2] and not there:find('%D') and there > ARGV[2] then
    return 0
end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'record', ARGV[1], 'rank', ARGV[2], 'digest', ARGV[3])
redis.call('PEXPIRE', KEYS[1], life)
local left = redis.call('PTTL', KEYS[2])
if left >= 0 and left < tonumber(ARGV[6]) then
    redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
if ARGV[7] ~= '' then
    redis.call('PUBLISH', ARGV[7], 'saved')
end
return 1
";

const REMOVE: &str = r"
if redis.pcall('HGET', KEYS[1], 'digest') == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
";

// Fencing numbers are never below the time in microseconds: they go on growing when the engine has lost the last
// one, because it was flushed, or because a replica took over that had not heard of it. A double holds them exactly.
const LEASE: &str = r"
local time = redis.call('TIME')
local number = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.pcall('GET', KEYS[2])) or 0
if number <= last then
    number = last + 1
end
local fencing = string.format('%.0f', number)
if not redis.call('SET', KEYS[1], fencing, 'NX', 'PX', ARGV[1]) then
    return false
end
local left = redis.call('PTTL', KEYS[2])
redis.call('SET', KEYS[2], fencing, 'PX', math.max(left, tonumber(ARGV[2])))
return fencing
";

const RELEASE: &str = r"
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then
    return 0
end
redis.call('DEL', KEYS[1])
if ARGV[2] ~= '' then
    redis.call('PUBLISH', ARGV[2], 'released')
end
return 1
";
