import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Cores in the form of /proc's `Cpus_allowed_list`: `0-1,4`. */
export function parseCoreList(text: string): Set<number> {
  const cores = new Set<number>()
  for (const part of text.trim().split(',')) {
    const [first = '', last = first] = part.split('-')
    for (let core = Number(first); core <= Number(last); core++) cores.add(core)
  }
  return cores
}

/** The inode of the socket that listens on `port` in the text of /proc/net/tcp or tcp6; undefined when there is none. */
export function listeningInode(table: string, port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  for (const line of table.split('\n')) {
    const cells = line.trim().split(/\s+/u)
    // 0A is LISTEN.
    if (cells[1]?.endsWith(`:${hex}`) === true && cells[3] === '0A') return cells[9]
  }
  return undefined
}

/**
 * Says how the load tool and a server on this machine share its cores, for a reader to judge the numbers by; undefined
 * where that cannot be found out (another machine, another system than Linux, another user's process).
 */
export function coreSharingNote(port: number): string | undefined {
  try {
    const inode =
      listeningInode(readFileSync('/proc/net/tcp', 'utf8'), port) ??
      listeningInode(readFileSync('/proc/net/tcp6', 'utf8'), port)
    const server = inode === undefined ? undefined : ownerOf(inode)
    if (server === undefined) return undefined
    const ours = coresOf('self')
    const theirs = coresOf(server)
    const shared = [...ours].filter((core) => theirs.has(core)).length
    if (server === String(process.pid))
      return 'The server runs in this process: every number contains both.'
    return shared === 0
      ? undefined
      : `The server (process ${server}) is on this machine and may use ${shared} of the ${ours.size} cores that this tool may use; pin them apart with taskset for numbers of the server alone.`
  } catch {
    return undefined
  }
}

function coresOf(pid: string): Set<number> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return parseCoreList(/^Cpus_allowed_list:\s*(\S+)/mu.exec(status)?.[1] ?? '')
}

function ownerOf(inode: string): string | undefined {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/u.test(pid)) continue
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        if (readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) return pid
      }
    } catch {
      // The process ended, or belongs to somebody else.
    }
  }
  return undefined
}
