# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random images, and beside each a model of what a guest reads from it: plain bytes."""

import subprocess

SECTOR = 512

# What qemu-img is asked for; a list of (option, values), of which one is drawn for each image.
FORMATS = [
    {"compat": ["1.1"], "cluster_size": [512, 4096, 65536, 2097152], "refcount_bits": [16]},
    {"compat": ["0.10"], "cluster_size": [512, 4096, 65536]},
    {"compat": ["1.1"], "cluster_size": [4096, 65536], "compression_type": ["zstd"]},
    {"compat": ["1.1"], "cluster_size": [512, 4096], "refcount_bits": [1, 2, 4, 8, 32, 64]},
]
LARGEST = 4 * 1024 * 1024


def run(*command):
    """Runs a peer's tool; what it printed, or its complaint as an error."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}")
    return done.stdout


def pattern_bytes(pattern, length):
    return bytes([pattern]) * length


class Image:
    """A file, and what the guest reads through it."""

    def __init__(self, path, image_format, content, backing=None):
        self.path = path
        self.format = image_format
        self.content = content
        self.backing = backing
        self.kept = None  # what an internal snapshot holds
        self.can_count_two = image_format == "qcow2"  # references to a cluster, as snapshots need

    def write(self, offset, data):
        self.content[offset : offset + len(data)] = data

    @property
    def size(self):
        return len(self.content)


def draw_size(rng):
    return rng.choice([rng.randrange(1, LARGEST // SECTOR) * SECTOR, 1024 * 1024, LARGEST])


def draw_range(rng, size):
    """Sector-aligned most of the time, as guests write; small, or across many clusters."""
    longest = rng.choice([SECTOR, 8192, 65536, 1048576])
    offset = rng.randrange(0, size // SECTOR) * SECTOR
    length = rng.randrange(1, longest // SECTOR + 1) * SECTOR
    return offset, min(length, size - offset)


def draw_options(rng):
    return {option: rng.choice(values) for option, values in rng.choice(FORMATS).items()}


def create(rng, path, backing):
    """An empty image, qcow2 or at the bottom sometimes raw, by qemu-img."""
    if backing is None and rng.random() < 0.3:
        size = draw_size(rng)
        run("qemu-img", "create", "-q", "-f", "raw", path, str(size))
        return Image(path, "raw", bytearray(size))

    size = draw_size(rng) if backing is None or rng.random() < 0.2 else backing.size
    drawn = draw_options(rng)
    options = ",".join(f"{name}={value}" for name, value in drawn.items())
    command = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", options]
    content = bytearray(size)
    if backing is not None:
        command += ["-b", backing.path, "-F", backing.format]
        shared = min(size, backing.size)
        content[:shared] = backing.content[:shared]
    run(*command, path, str(size))
    image = Image(path, "qcow2", content, backing)
    # Compressed clusters share host clusters: a snapshot doubles as many references as fit in.
    image.can_count_two = drawn.get("refcount_bits", 16) >= 16
    return image


def fill(rng, image, is_empty=True):
    """Writes by qemu-io, of each kind it has."""
    commands = []
    if is_empty and image.format == "qcow2" and rng.random() < 0.4:
        add_compressed(rng, image, commands)
    for _ in range(rng.randrange(0, 12)):
        offset, length = draw_range(rng, image.size)
        pattern = rng.randrange(1, 256)
        kind = rng.random()
        if kind < 0.6:
            commands.append(f"write -P {pattern} {offset} {length}")
            image.write(offset, pattern_bytes(pattern, length))
        else:
            commands.append(f"write {rng.choice(['-z', '-z -u'])} {offset} {length}")
            image.write(offset, bytes(length))
    if commands:
        arguments = [argument for command in commands for argument in ("-c", command)]
        run("qemu-io", "-f", image.format, *arguments, image.path)


def add_compressed(rng, image, commands):
    """Only whole clusters that are not there yet can be; 2 MiB holds a whole one of any size."""
    unit = 2 * 1024 * 1024
    for offset in range(0, image.size - unit + 1, unit):
        pattern = rng.randrange(1, 256)
        commands.append(f"write -c -P {pattern} {offset} {unit}")
        image.write(offset, pattern_bytes(pattern, unit))


def make_chain(rng, folder):
    """From the bottom up; the last is the active layer, always qcow2."""
    chain = []
    for number in range(rng.randrange(2, 7)):
        image = create(rng, str(folder / f"layer{number}"), chain[-1] if chain else None)
        fill(rng, image)
        if image.can_count_two and rng.random() < 0.2:
            run("qemu-img", "snapshot", "-c", "kept", image.path)
            image.kept = bytes(image.content)
            fill(rng, image, is_empty=False)
        chain.append(image)
    return chain


def describe_difference(found, wanted):
    if found == wanted:
        return None
    if len(found) != len(wanted):
        return f"{len(found)} bytes long, not {len(wanted)}"
    offset = next(at for at, (left, right) in enumerate(zip(found, wanted)) if left != right)
    return f"byte {offset} is {found[offset]:#04x}, not {wanted[offset]:#04x}"


def verify(shim, image, folder):
    """The image as QEMU reads it, as we read it, and what both checks find."""
    expected = folder / "expected.raw"
    found = folder / "found.raw"
    run("qemu-img", "convert", "-f", image.format, "-O", "raw", image.path, found)
    difference = describe_difference(found.read_bytes(), bytes(image.content))
    if difference is not None:
        raise AssertionError(f"{image.path} as QEMU reads it: {difference}")

    expected.write_bytes(image.content)
    run(shim, "compare", "-f", "raw", "-F", image.format, expected, image.path)
    if image.kept is not None:
        name = "snapshot.name=kept"
        run("qemu-img", "convert", "-f", "qcow2", "-l", name, "-O", "raw", image.path, found)
        difference = describe_difference(found.read_bytes(), image.kept)
        if difference is not None:
            raise AssertionError(f"the snapshot in {image.path}: {difference}")
    if image.format == "qcow2":
        run("qemu-img", "check", "-q", "-f", "qcow2", image.path)
        run(shim, "check", "-f", "qcow2", image.path)
