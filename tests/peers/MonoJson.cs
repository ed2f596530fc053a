// As much JSON as MonoClient needs: objects are dictionaries, arrays lists, numbers long,
// ulong or double.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Xml;

namespace Peers
{
    public static class MonoJson
    {
        static readonly object one = new object();
        static readonly Stream output = Console.OpenStandardOutput();

        public static Dictionary<string, object> ReadObject(string line)
        {
            var document = new XmlDocument { PreserveWhitespace = true };
            using (var reader = JsonReaderWriterFactory.CreateJsonReader(Encoding.UTF8.GetBytes(line), XmlDictionaryReaderQuotas.Max))
                document.Load(reader);
            var read = Read(document.DocumentElement) as Dictionary<string, object>;
            if (read == null) throw new FormatException("a command is a JSON object");
            return read;
        }

        // the reader shows JSON as XML elements whose type attribute says what they were
        static object Read(XmlElement e)
        {
            switch (e.GetAttribute("type"))
            {
                case "object": return e.ChildNodes.OfType<XmlElement>().ToDictionary(c => c.HasAttribute("item") ? c.GetAttribute("item") : c.LocalName, Read);
                case "array": return e.ChildNodes.OfType<XmlElement>().Select(Read).ToList();
                case "boolean": return e.InnerText == "true";
                case "null": return null;
                case "number":
                    long whole;
                    ulong large;
                    if (long.TryParse(e.InnerText, NumberStyles.Integer, CultureInfo.InvariantCulture, out whole)) return whole;
                    if (ulong.TryParse(e.InnerText, NumberStyles.Integer, CultureInfo.InvariantCulture, out large)) return large;
                    return double.Parse(e.InnerText, CultureInfo.InvariantCulture);
                default: return e.InnerText;
            }
        }

        public static void Write(Dictionary<string, object> o)
        {
            var text = new StringBuilder();
            Append(text, o);
            var bytes = new UTF8Encoding(false).GetBytes(text.Append('\n').ToString());
            lock (one) { output.Write(bytes, 0, bytes.Length); output.Flush(); }
        }

        static void Append(StringBuilder to, object value)
        {
            if (value == null) to.Append("null");
            else if (value is bool) to.Append((bool)value ? "true" : "false");
            else if (value is string || value is Enum) Quote(to, value.ToString());
            else if (value is IDictionary)
            {
                char before = '{';
                foreach (DictionaryEntry pair in (IDictionary)value) { to.Append(before); Quote(to, (string)pair.Key); Append(to.Append(':'), pair.Value); before = ','; }
                to.Append(before == '{' ? "{}" : "}");
            }
            else if (value is IEnumerable)
            {
                char before = '[';
                foreach (var item in (IEnumerable)value) { Append(to.Append(before), item); before = ','; }
                to.Append(before == '[' ? "[]" : "]");
            }
            else if (value is double || value is float) to.Append(Convert.ToDouble(value).ToString("R", CultureInfo.InvariantCulture));
            else to.Append(Convert.ToString(value, CultureInfo.InvariantCulture));
        }

        static void Quote(StringBuilder to, string text)
        {
            to.Append('"');
            foreach (char c in text)
                if (c == '"' || c == '\\') to.Append('\\').Append(c);
                else if (c < ' ' || char.IsSurrogate(c)) to.Append("\\u").Append(((int)c).ToString("x4"));   // a lone surrogate has no UTF-8
                else to.Append(c);
            to.Append('"');
        }
    }
}
