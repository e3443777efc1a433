// Command lines without what must not be kept: values of arguments that are named like secrets become `?`.

const secretWord =
  /(pass(word|wd|phrase)?|secret|token|api-?_?key|credentials?|private-?_?key|access-?_?key)$/i
const named = /^(-{0,2}[\w.-]+)([=:])(.+)$/
/** //user:password@host */
const userInfo = /(\/\/[^/@\s:]*):[^/@\s]+@/

export const maskArguments = (args: ReadonlyArray<string>): ReadonlyArray<string> => {
  let isSecret = false
  return args.map((argument) => {
    if (isSecret && !argument.startsWith("-")) {
      isSecret = false
      return "?"
    }
    const [, name, sign] = named.exec(argument) ?? []
    isSecret = /^--?[\w.-]+$/.test(argument) && secretWord.test(argument)
    if (name !== undefined && secretWord.test(name)) return `${name}${sign}?`
    return argument.replace(userInfo, "$1:?@")
  })
}
