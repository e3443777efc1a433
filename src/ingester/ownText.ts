// Texts of a decoded batch are slices of one large text, and keep all of it in memory. Who keeps a text beyond its batch takes a
// copy that shares nothing.

export const ownText = (text: string): string => (text === "" ? "" : Buffer.from(text).toString())
