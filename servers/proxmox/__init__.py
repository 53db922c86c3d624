"""The gateway to Proxmox VE: typed values out, one tree of errors, proxmoxer nowhere else."""
