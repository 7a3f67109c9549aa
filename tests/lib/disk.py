"""A platform's disk that can be cut off, filled up or write-protected: the other side of disk.c.

After a power cut everything may have happened to a write that no sync has covered: each sector of 512 bytes is
what it was before one of these writes or what it is now, a file has one of its sizes since the last sync, a name
leads to what it led to before or leads to now."""
import mmap
import os
import pathlib
import struct

FIRST = 4096
NOTE = struct.Struct("<IIIIQQQ")
MARK = 0x59444b31
WRITE, TRUNCATE, SYNC, CREATE, RENAME, UNLINK = range(1, 7)
SECTOR = 512


class Disk:
    def __init__(self, data, size=1 << 30):
        self.data = pathlib.Path(data)
        self.path = self.data.parent / (self.data.name + ".disk")
        with open(self.path, "wb") as f:
            f.truncate(size)
        self.path.chmod(0o666)
        self.file = open(self.path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), size)
        self.forget()

    def close(self):
        self.map.close()
        self.file.close()
        self.path.unlink()

    def put(self, at, form, value):
        struct.pack_into(form, self.map, at, value)

    def get(self, at, form):
        return struct.unpack_from(form, self.map, at)[0]

    def forget(self):
        """All that was written so far is on the disk; only while no process runs, or for the first time."""
        used = self.get(0, "<Q")
        if used > FIRST:
            self.map[FIRST:min(used, len(self.map))] = bytes(min(used, len(self.map)) - FIRST)
        self.put(0, "<Q", FIRST)
        self.put(40, "<I", 0)

    # ---- failing ----
    def fail(self, errno, after=0, only=""):
        """Changes fail with errno once so many went well, those of paths with `only` in them."""
        self.put(12, "<i", 0)
        self.map[48:112] = only.encode().ljust(64, b"\0")
        self.put(16, "<q", after)
        self.put(24, "<Q", 0)
        self.put(32, "<Q", 0)
        self.put(12, "<i", errno)

    def heal(self):
        self.put(12, "<i", 0)

    def hits(self):
        return self.get(24, "<Q")

    def changes(self):
        return self.get(32, "<Q")

    def freeze(self, on=True):
        """From now on nothing reaches the disk; for the moment of a power cut."""
        self.put(8, "<I", int(on))

    # ---- the power cut ----
    def notes(self):
        """(position, kind, inode, at, old size, payload) in the order of time."""
        at, end = FIRST, self.get(0, "<Q")
        while at + NOTE.size <= end:
            mark, size, kind, payload, inode, offset, old = NOTE.unpack_from(self.map, at)
            if mark != MARK:  # its writer was killed before he began it
                at += 8
                continue
            if kind != 0:
                yield at, kind, inode, offset, old, self.map[at + NOTE.size:at + NOTE.size + payload]
            at += size

    def cut(self, dice, worst):
        """Puts a possible state of the disk after a power cut into the folder; worst: nothing unsynced is there.
        Only when all processes are gone.  Returns what was undone: (sectors, sizes, names)."""
        if self.get(40, "<I"):
            raise RuntimeError("the notes of the disk are incomplete")
        contents, names = self.unsynced()
        paths = {}
        for p in self.data.rglob("*"):
            if p.is_file() and not p.is_symlink():
                paths[p.stat().st_ino] = p
                if p.name.endswith("-shm"):
                    p.write_bytes(dice.randbytes(p.stat().st_size))
        undone = [0, 0, 0]
        for inode, writes in contents.items():
            if inode in paths:
                sectors, size = self.undo_writes(paths[inode], writes, dice, worst)
                undone[0] += sectors
                undone[1] += size
        for path, versions in names.items():
            if worst or dice.random() < 0.5:
                inode, was, content = versions[0 if worst else dice.randrange(len(versions))]
                undone[2] += self.undo_name(pathlib.Path(path), was, content)
        self.forget()
        self.freeze(False)
        return tuple(undone)

    def unsynced(self):
        contents, names = {}, {}
        for at, kind, inode, offset, old, payload in self.notes():
            if kind == SYNC:
                # what was begun before the sync was; a name belongs to its folder
                for i in [inode] if inode else list(contents):
                    if i in contents:
                        contents[i] = [w for w in contents[i] if w[0] >= offset]
                for path in list(names):
                    names[path] = [v for v in names[path] if not (v[3] < offset and (inode == 0 or v[4] == inode))]
                    if not names[path]:
                        del names[path]
                continue
            if kind in (WRITE, TRUNCATE):
                contents.setdefault(inode, []).append((at, offset, old, payload))
                continue
            name, content = payload.split(b"\0", 1)
            if kind == CREATE:
                contents[inode] = []  # an inode's number may have been another file's
            names.setdefault(name.decode(), []).append((inode, offset != 0, content, at, old))
        return ({i: w for i, w in contents.items() if w},
                {n: [v[:3] for v in vs] for n, vs in names.items()})

    @staticmethod
    def undo_writes(path, writes, dice, worst):
        data = bytearray(path.read_bytes())
        now = len(data)
        most = max([now] + [w[2] for w in writes])
        data.extend(bytes(most - now))
        versions = {}  # of each sector: what it was before each of the writes to it
        for _, offset, old, payload in writes:
            # a write up to the old end may have gone beyond it
            end = most if offset + len(payload) >= old else offset + len(payload)
            for s in range(min(offset, old) // SECTOR if end == most else offset // SECTOR, -(-end // SECTOR)):
                versions.setdefault(s, []).append((offset, old, payload))
        changed = 0
        for s, found in versions.items():
            k = 0 if worst else dice.randrange(len(found) + 1)
            for offset, old, payload in reversed(found[k:]):
                start, end = s * SECTOR, min((s + 1) * SECTOR, most)
                if old < end:
                    data[max(start, old):end] = bytes(end - max(start, old))
                start, end = max(start, offset), min(end, offset + len(payload))
                if start < end:
                    data[start:end] = payload[start - offset:end - offset]
            changed += k < len(found)
        size = writes[0][2] if worst else dice.choice([w[2] for w in writes] + [now])
        with open(path, "r+b") as f:
            f.write(data[:size])
            f.truncate(size)
        return changed, int(size != now)

    @staticmethod
    def undo_name(path, was, content):
        if was:
            status = path.stat() if path.exists() else path.parent.stat()
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            os.chown(path, status.st_uid, status.st_gid)
            path.chmod(status.st_mode & 0o666)
            return 1
        if path.exists():
            path.unlink()
            return 1
        return 0
