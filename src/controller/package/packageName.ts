// Names and versions of packages: part of keys in the store, and of file names on agents.

export const isPackageName = (text: string): boolean => /^[\w.+-]{1,64}$/.test(text) && !/^\.+$/.test(text)
