// Names of what Sonde keeps in its data directory and that more than one program reads.

/** The token of the administrator of this data directory; whoever may read the file may administer. */
export const adminTokenFile = "admin-token"
