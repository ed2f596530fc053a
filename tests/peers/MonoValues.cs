// Contract values from and to what MonoJson reads and writes, looking as they do in Json.cs: public fields and properties
// by name, enums by name, bytes in base64, derived types and what is in an object with "$type".
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Reflection;
using System.Security.Cryptography;

namespace Peers
{
    public static class MonoValues
    {
        const BindingFlags Public = BindingFlags.Public | BindingFlags.Instance;
        const string Moment = "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK";

        public static Type FindType(string name)
        {
            if (name.EndsWith("[]")) return FindType(name.Substring(0, name.Length - 2)).MakeArrayType();
            var here = typeof(MonoValues).Assembly;
            return Type.GetType(name) ?? here.GetType("Peers." + name) ?? here.GetType("Peers.More." + name) ?? throw new ArgumentException("no type " + name);
        }

        public static object ToValue(object read, Type type)
        {
            if (type.IsByRef) type = type.GetElementType();
            type = Nullable.GetUnderlyingType(type) ?? type;
            if (read == null) return null;
            var text = read as string;
            var members = read as Dictionary<string, object>;
            if (type == typeof(Stream)) return members != null ? new Pattern((long)members["size"]) : (Stream)new MemoryStream(Convert.FromBase64String(text));
            if (type == typeof(object)) return ToAny(read);
            if (type == typeof(byte[])) return Convert.FromBase64String(text);
            if (type.IsEnum) return Enum.Parse(type, text);
            if (type == typeof(Guid)) return Guid.Parse(text);
            if (type == typeof(Uri)) return new Uri(text, UriKind.RelativeOrAbsolute);
            if (type == typeof(TimeSpan)) return TimeSpan.ParseExact(text, "c", CultureInfo.InvariantCulture);
            if (type == typeof(DateTime)) return DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);
            if (type == typeof(DateTimeOffset)) return DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
            if (type == typeof(string) || type.IsPrimitive || type == typeof(decimal)) return Convert.ChangeType(read, type, CultureInfo.InvariantCulture);
            if (members != null) return typeof(IDictionary).IsAssignableFrom(type) ? ToMap(members, type) : ToObject(members, type);
            var list = read as List<object>;
            if (list != null) return ToList(list, type);
            throw new ArgumentException("no " + type + " is made of " + read.GetType());
        }

        // System.Object: a JSON scalar, or {"$type": "System.Int64" or "Person", "value": …} for anything else.
        static object ToAny(object read)
        {
            var members = read as Dictionary<string, object>;
            if (members != null) return ToValue(members["value"], FindType((string)members["$type"]));
            return read is long && (long)read == (int)(long)read ? (int)(long)read : read;
        }

        static object ToMap(Dictionary<string, object> members, Type type)
        {
            var map = (IDictionary)Activator.CreateInstance(type);
            foreach (var pair in members) map.Add(pair.Key, ToValue(pair.Value, type.GetGenericArguments()[1]));
            return map;
        }

        static object ToList(List<object> read, Type type)
        {
            var item = ItemOf(type);
            var items = Array.CreateInstance(item, read.Count);
            for (int i = 0; i < read.Count; i++) items.SetValue(ToValue(read[i], item), i);
            if (type.IsArray) return items;
            var made = Activator.CreateInstance(type);
            var add = typeof(ICollection<>).MakeGenericType(item).GetMethod("Add");
            foreach (var one in items) add.Invoke(made, new[] { one });
            return made;
        }

        static Type ItemOf(Type type)
        {
            return type.GetInterfaces().Concat(new[] { type }).First(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IEnumerable<>)).GetGenericArguments()[0];
        }

        static object ToObject(Dictionary<string, object> members, Type type)
        {
            if (members.ContainsKey("$type"))
            {
                type = FindType((string)members["$type"]);
                if (members.ContainsKey("value")) return ToValue(members["value"], type);
            }
            // KeyValuePair and Tuple are made by constructors whose parameters have their members' names.
            var maker = type.GetConstructors().FirstOrDefault(c => c.GetParameters().Length > 0 && c.GetParameters().All(p => members.Keys.Contains(p.Name, StringComparer.OrdinalIgnoreCase)));
            if (maker != null && Settable(type).Length == 0)
                return maker.Invoke(maker.GetParameters().Select(p => ToValue(members.First(m => m.Key.Equals(p.Name, StringComparison.OrdinalIgnoreCase)).Value, p.ParameterType)).ToArray());
            var made = Activator.CreateInstance(type);
            foreach (var member in Settable(type))
            {
                object read;
                if (!members.TryGetValue(member.Name, out read)) continue;
                var field = member as FieldInfo;
                if (field != null) field.SetValue(made, ToValue(read, field.FieldType));
                else ((PropertyInfo)member).SetValue(made, ToValue(read, ((PropertyInfo)member).PropertyType), null);
            }
            return made;
        }

        static MemberInfo[] Settable(Type type)
        {
            return type.GetFields(Public).Cast<MemberInfo>().Concat(type.GetProperties(Public).Where(p => p.CanWrite && p.GetIndexParameters().Length == 0)).ToArray();
        }

        public static object FromValue(object value, Type declared = null)
        {
            if (value == null) return null;
            if (declared != null && declared.IsByRef) declared = declared.GetElementType();
            var type = value.GetType();
            if (declared == typeof(object)) return new Dictionary<string, object> { { "$type", type.Assembly == typeof(object).Assembly ? type.FullName : type.Name }, { "value", FromValue(value) } };
            var bytes = value as byte[];
            if (bytes != null) return Convert.ToBase64String(bytes);
            var stream = value as Stream;
            if (stream != null) return Drain(stream);
            if (value is DateTime) return ((DateTime)value).ToString(Moment, CultureInfo.InvariantCulture);
            if (value is DateTimeOffset) return ((DateTimeOffset)value).ToString(Moment, CultureInfo.InvariantCulture);
            if (value is TimeSpan || value is Guid || value is char || value is Uri || value is Enum || value is string) return value.ToString();
            if (type.IsPrimitive || value is decimal) return value;
            var map = value as IDictionary;
            if (map != null)
            {
                var pairs = new Dictionary<string, object>();
                foreach (DictionaryEntry pair in map) pairs[Convert.ToString(pair.Key, CultureInfo.InvariantCulture)] = FromValue(pair.Value, type.GetGenericArguments()[1]);
                return pairs;
            }
            if (value is IEnumerable) return ((IEnumerable)value).Cast<object>().Select(one => FromValue(one, ItemOf(type))).ToList();
            var members = new Dictionary<string, object>();
            if (declared != null && declared.IsClass && declared != type) members["$type"] = type.Name;
            foreach (var member in Readable(type))
            {
                var field = member as FieldInfo;
                members[member.Name] = field != null ? FromValue(field.GetValue(value), field.FieldType) : FromValue(((PropertyInfo)member).GetValue(value, null), ((PropertyInfo)member).PropertyType);
            }
            return members;
        }

        static MemberInfo[] Readable(Type type)
        {
            var settable = Settable(type);
            return settable.Length > 0 ? settable : type.GetProperties(Public).Where(p => p.GetIndexParameters().Length == 0).ToArray();
        }

        static object Drain(Stream stream)
        {
            using (stream)
            using (var hash = SHA256.Create())
            {
                var buffer = new byte[65536];
                long length = 0;
                for (int n; (n = stream.Read(buffer, 0, buffer.Length)) > 0; length += n) hash.TransformBlock(buffer, 0, n, null, 0);
                hash.TransformFinalBlock(buffer, 0, 0);
                return new Dictionary<string, object> { { "length", length }, { "sha256", string.Concat(hash.Hash.Select(b => b.ToString("x2"))) } };
            }
        }
    }
}
