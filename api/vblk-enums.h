/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public enumerations */

#include <glib.h>

G_BEGIN_DECLS

/**
 * VblkDomainState:
 * @VBLK_DOMAIN_RUNNING: the machine runs
 * @VBLK_DOMAIN_PAUSED: it is paused
 * @VBLK_DOMAIN_SHUT_OFF: it is off
 *
 * State of a domain, with libvirt's numbers.
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_DOMAIN_RUNNING = 1,
    VBLK_DOMAIN_PAUSED = 3,
    VBLK_DOMAIN_SHUT_OFF = 5,
} VblkDomainState;

/**
 * VblkBlockJobType:
 * @VBLK_BLOCK_JOB_UNKNOWN: a type this library does not know
 * @VBLK_BLOCK_JOB_PULL: data comes up from the backing chain
 * @VBLK_BLOCK_JOB_COPY: the disk is copied elsewhere
 * @VBLK_BLOCK_JOB_COMMIT: data goes down the backing chain
 * @VBLK_BLOCK_JOB_ACTIVE_COMMIT: the same from the active layer
 * @VBLK_BLOCK_JOB_BACKUP: the disk is backed up
 *
 * Type of a block job, with libvirt's numbers.
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_BLOCK_JOB_UNKNOWN,
    VBLK_BLOCK_JOB_PULL,
    VBLK_BLOCK_JOB_COPY,
    VBLK_BLOCK_JOB_COMMIT,
    VBLK_BLOCK_JOB_ACTIVE_COMMIT,
    VBLK_BLOCK_JOB_BACKUP,
} VblkBlockJobType;

/**
 * VblkBlockJobStatus:
 * @VBLK_BLOCK_JOB_COMPLETED: the work is done and durable
 * @VBLK_BLOCK_JOB_FAILED: it failed; the event's message tells why
 * @VBLK_BLOCK_JOB_CANCELLED: it was cancelled
 * @VBLK_BLOCK_JOB_READY: it waits to be completed
 *
 * What a block-job event tells, with libvirt's numbers.
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_BLOCK_JOB_COMPLETED,
    VBLK_BLOCK_JOB_FAILED,
    VBLK_BLOCK_JOB_CANCELLED,
    VBLK_BLOCK_JOB_READY,
} VblkBlockJobStatus;

/**
 * VblkXmlFlags:
 * @VBLK_XML_NONE: with what is known of chains and jobs
 * @VBLK_XML_INACTIVE: the definition as it is stored
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_XML_NONE = 0,
    VBLK_XML_INACTIVE = 1 << 1,
} VblkXmlFlags;

/**
 * VblkUndefineFlags:
 * @VBLK_UNDEFINE_NONE: refused where the domain has snapshots
 * @VBLK_UNDEFINE_SNAPSHOTS_METADATA: also remove the metadata of its snapshots
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_UNDEFINE_NONE = 0,
    VBLK_UNDEFINE_SNAPSHOTS_METADATA = 1 << 1,
} VblkUndefineFlags;

/**
 * VblkRebaseFlags:
 * @VBLK_REBASE_NONE: bandwidth is in MiB/s
 * @VBLK_REBASE_RELATIVE: the image records the base by the relative name the chain uses
 * @VBLK_REBASE_BANDWIDTH_BYTES: bandwidth is in bytes per second
 *
 * Flags of vblk_domain_block_pull_async() (the last one) and vblk_domain_block_rebase_async().
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_REBASE_NONE = 0,
    VBLK_REBASE_RELATIVE = 1 << 4,
    VBLK_REBASE_BANDWIDTH_BYTES = 1 << 6,
} VblkRebaseFlags;

/**
 * VblkBlockJobFlags:
 * @VBLK_BLOCK_JOB_FLAGS_NONE: bandwidth is in MiB/s; an abort waits for the end of the job
 * @VBLK_BLOCK_JOB_BANDWIDTH_BYTES: bandwidth is in bytes per second (info, set-speed)
 * @VBLK_BLOCK_JOB_ABORT_ASYNC: do not wait (abort)
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_BLOCK_JOB_FLAGS_NONE = 0,
    VBLK_BLOCK_JOB_BANDWIDTH_BYTES = 1 << 0,
    VBLK_BLOCK_JOB_ABORT_ASYNC = 1 << 0,
} VblkBlockJobFlags;

/**
 * VblkSnapshotCreateFlags:
 * @VBLK_SNAPSHOT_CREATE_NO_METADATA: keep no record of the snapshot
 * @VBLK_SNAPSHOT_CREATE_DISK_ONLY: no memory; the only kind there is so far
 * @VBLK_SNAPSHOT_CREATE_REUSE_EXTERNAL: the overlay files exist already
 * @VBLK_SNAPSHOT_CREATE_ATOMIC: all disks or none
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_SNAPSHOT_CREATE_NO_METADATA = 1 << 2,
    VBLK_SNAPSHOT_CREATE_DISK_ONLY = 1 << 4,
    VBLK_SNAPSHOT_CREATE_REUSE_EXTERNAL = 1 << 5,
    VBLK_SNAPSHOT_CREATE_ATOMIC = 1 << 7,
} VblkSnapshotCreateFlags;

/**
 * VblkSnapshotDeleteFlags:
 * @VBLK_SNAPSHOT_DELETE_METADATA_ONLY: the images stay as they are; the only kind there is so far
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_SNAPSHOT_DELETE_METADATA_ONLY = 1 << 1,
} VblkSnapshotDeleteFlags;

G_END_DECLS
