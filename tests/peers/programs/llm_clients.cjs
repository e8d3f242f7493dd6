// Asks a model through each SDK, plain and streamed. It knows nothing of a gateway: where to and with which key, the environment says.
const OpenAI = require("openai");
const Anthropic = require("@anthropic-ai/sdk");

const QUESTION = [{ role: "user", content: "hello" }];

async function withOpenai(model) {
  const client = new OpenAI();
  const whole = await client.chat.completions.create({ model, messages: QUESTION });
  let text = "";
  for await (const chunk of await client.chat.completions.create({ model, messages: QUESTION, stream: true })) {
    text += chunk.choices[0].delta.content ?? "";
  }
  const response = await client.responses.create({ model, input: "hello" });
  return { whole: whole.choices[0].message.content, stream: text, response: response.output_text };
}

async function withAnthropic(model) {
  const client = new Anthropic();
  const whole = await client.messages.create({ model, max_tokens: 100, messages: QUESTION });
  let text = "";
  const stream = client.messages.stream({ model, max_tokens: 100, messages: QUESTION });
  stream.on("text", (piece) => (text += piece));
  await stream.finalMessage();
  return { whole: whole.content[0].text, stream: text };
}

async function main() {
  const [openaiModel, anthropicModel] = process.argv.slice(2);
  const found = { openai: await withOpenai(openaiModel), anthropic: await withAnthropic(anthropicModel) };
  process.stdout.write(JSON.stringify(found));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
